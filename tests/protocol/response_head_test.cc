#include "mod_ws/protocol/response_head.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

using State = ResponseHeadParser::State;

struct Parsed {
  State state = State::need_more;
  ResponseHead head;
  std::string complaint;
  std::string rest;
};

/// Feeds `text` in steps of so many bytes.
Parsed parse(std::string_view text, std::size_t step) {
  ResponseHeadParser parser;
  Parsed parsed;
  while (!text.empty() && parsed.state == State::need_more) {
    std::string_view part = text.substr(0, step);
    text.remove_prefix(part.size());
    parsed.state = parser.receive(part);
    parsed.rest = part;
  }
  parsed.rest += text;
  parsed.head = parser.head();
  parsed.complaint = parser.complaint();
  return parsed;
}

/// The same in every way it can arrive.
Parsed parse(std::string_view text) {
  Parsed whole = parse(text, text.size());
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, (text.size() + 1) / 2}) {
    const Parsed parts = parse(text, step);
    EXPECT_EQ(parts.state, whole.state) << step;
    EXPECT_EQ(parts.complaint, whole.complaint) << step;
    if (whole.state == State::failed) continue;
    EXPECT_EQ(parts.rest, whole.rest) << step;
    EXPECT_EQ(parts.head.status, whole.head.status) << step;
    EXPECT_EQ(parts.head.headers, whole.head.headers) << step;
  }
  return whole;
}

TEST(ResponseHead, ParsesStatusAndHeaders) {
  const Parsed parsed = parse(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Empty:\r\n"
      "Set-Cookie: a=b, c\r\nset-cookie:\t d=e \r\n\r\n\x81\x01x");
  ASSERT_EQ(parsed.state, State::complete);
  EXPECT_EQ(parsed.head.status, 101);
  EXPECT_EQ(parsed.head.reason, "Switching Protocols");
  EXPECT_EQ(parsed.head.headers, (std::vector<HeaderField>{{"Upgrade", "websocket"},
                                                           {"X-Empty", ""},
                                                           {"Set-Cookie", "a=b, c"},
                                                           {"set-cookie", "d=e"}}));
  EXPECT_EQ(parsed.head.header("SET-COOKIE"), "a=b, c, d=e");
  EXPECT_EQ(parsed.head.header("x-empty"), "");
  EXPECT_EQ(parsed.head.header("absent"), "");
  EXPECT_EQ(parsed.rest, "\x81\x01x");
}

TEST(ResponseHead, TakesBareLineFeedsAndAnyReason) {
  EXPECT_EQ(parse("HTTP/1.0 404\n\n").head.status, 404);
  EXPECT_EQ(parse("HTTP/1.1 404 \r\n\r\n").head.status, 404);
  EXPECT_EQ(parse("HTTP/1.1 999 \xC3\xA9 x\r\nA: \xC3\xA9\n\n").head.reason, "\xC3\xA9 x");
}

TEST(ResponseHead, JoinsFoldedLines) {
  const Parsed parsed = parse("HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td\r\n\r\n");
  ASSERT_EQ(parsed.state, State::complete);
  EXPECT_EQ(parsed.head.header("A"), "b c d");
}

TEST(ResponseHead, SkipsInterimResponses) {
  const Parsed parsed = parse(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\nrest");
  ASSERT_EQ(parsed.state, State::complete);
  EXPECT_EQ(parsed.head.status, 101);
  EXPECT_EQ(parsed.head.headers.size(), 1U);
  EXPECT_EQ(parsed.rest, "rest");
}

TEST(ResponseHead, NeedsMoreUntilItsEnd) {
  for (const std::string_view text :
       {"H", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\r", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    EXPECT_EQ(parse(text).state, State::need_more) << text;
  }
}

TEST(ResponseHead, FailsAtOnceOnWhatIsNoHttp) {
  for (const std::string_view text :
       {"\x15\x03\x03", "SSH-2.0", "HTTP/2", "HTTP 1.1", "http/1.1", "\r\n", "\n", "HTTX"}) {
    const Parsed parsed = parse(text);
    EXPECT_EQ(parsed.state, State::failed) << text;
    EXPECT_EQ(parsed.complaint, "the answer is not HTTP/1") << text;
  }
}

TEST(ResponseHead, FailsOnABadStatusLine) {
  for (const std::string_view text :
       {"HTTP/1.x 200 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1  200 OK\r\n", "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 020 OK\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 \r\n",
        "HTTP/1.1 200 a\rb\r\n", "HTTP/1.1 -10 OK\r\n"}) {
    EXPECT_EQ(parse(text).state, State::failed) << text;
  }
  EXPECT_EQ(parse(std::string_view("HTTP/1.1 200 \0\r\n", 16)).state, State::failed);
}

TEST(ResponseHead, FailsOnABadHeader) {
  for (const std::string_view line :
       {"no colon", ": no name", "a b: c", "a : c", " folded: first", "a: b\rc", "\xC3\xA9: b"}) {
    const Parsed parsed = parse("HTTP/1.1 200 OK\r\n" + std::string(line) + "\r\n\r\n");
    EXPECT_EQ(parsed.state, State::failed) << line;
    EXPECT_EQ(parsed.complaint, "the answer has a malformed header line") << line;
  }
}

TEST(ResponseHead, HasALimit) {
  const std::string start = "HTTP/1.1 200 OK\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::string value(ResponseHeadParser::max_bytes - start.size() - end.size(), 'x');
  EXPECT_EQ(parse(start + value + end, 1000).state, State::complete);
  const Parsed over = parse(start + value + "x" + end, 1000);
  EXPECT_EQ(over.state, State::failed);
  EXPECT_EQ(over.complaint, "the head of the answer is longer than 64 KiB");
}

TEST(ResponseHead, CountsInterimResponsesToTheLimit) {
  std::string many;
  while (many.size() <= ResponseHeadParser::max_bytes) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(parse(many, many.size()).state, State::failed);
}

}  // namespace
}  // namespace mod_ws::protocol
