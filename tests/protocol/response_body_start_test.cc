#include "mod_ws/protocol/response_body_start.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

ResponseHead head_with(std::string_view name, std::string_view value, int status = 403) {
  return {.status = status,
          .reason = {},
          .headers = {{.name = std::string(name), .value = std::string(value)}}};
}

struct Read {
  bool is_done;
  std::string text;
};

/// Feeds `bytes` in steps of so many.
Read read(const ResponseHead& head, std::string_view bytes, std::size_t step, std::size_t limit) {
  ResponseBodyStart body(head, limit);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    const bool says_done = body.receive(bytes.substr(0, step));
    EXPECT_EQ(says_done, body.is_done());
  }
  const bool is_done = body.is_done();
  return {is_done, body.take()};
}

void expect_read(const ResponseHead& head, std::string_view bytes, std::string_view text,
                 bool is_done, std::size_t limit = 100) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, bytes.size()}) {
    const Read result = read(head, bytes, step, limit);
    EXPECT_EQ(result.text, text) << step;
    EXPECT_EQ(result.is_done, is_done) << step;
  }
}

TEST(ResponseBodyStart, EndsWithItsLength) {
  expect_read(head_with("Content-Length", "5"), "Hello and more", "Hello", true);
  expect_read(head_with("content-length", "5"), "Hell", "Hell", false);
  EXPECT_TRUE(ResponseBodyStart(head_with("Content-Length", "0"), 100).is_done());
}

TEST(ResponseBodyStart, GoesOnToTheEndWithoutALength) {
  expect_read({.status = 403, .reason = {}, .headers = {}}, "Hello", "Hello", false);
  expect_read(head_with("Content-Length", "many"), "Hello", "Hello", false);
}

TEST(ResponseBodyStart, StopsAtTheLimit) {
  expect_read({.status = 403, .reason = {}, .headers = {}}, "Hello", "Hel", true, 3);
  expect_read(head_with("Content-Length", "99999999999"), "Hello", "Hel", true, 3);
  expect_read(head_with("Transfer-Encoding", "chunked"), "2\r\nHe\r\n2\r\nll\r\n", "Hel", true, 3);
}

TEST(ResponseBodyStart, JoinsChunks) {
  const auto chunked = head_with("Transfer-Encoding", "chunked");
  expect_read(chunked, "5\r\nHello\r\n000A;ext=\"x\"\r\n, chunked!\r\n0\r\n\r\nmore",
              "Hello, chunked!", true);
  expect_read(chunked, "5\nHello\n0\n\n", "Hello", true);
  expect_read(chunked, "5\r\nHel", "Hel", false);
}

TEST(ResponseBodyStart, EndsWhereChunksAreMalformed) {
  const auto chunked = head_with("Transfer-Encoding", "gzip, chunked");
  expect_read(chunked, "5\r\nHello\r\nx\r\nmore", "Hello", true);
  expect_read(chunked, "11223344556677889\r\nHello\r\n", "", true);
  expect_read(chunked, std::string(1000, '1'), "", true);
}

TEST(ResponseBodyStart, KnowsWhoHasNone) {
  EXPECT_TRUE(ResponseBodyStart(head_with("Content-Length", "5", 204), 100).is_done());
  EXPECT_TRUE(ResponseBodyStart(head_with("Content-Length", "5", 304), 100).is_done());
  EXPECT_FALSE(ResponseBodyStart(head_with("Content-Length", "5", 200), 100).is_done());
}

}  // namespace
}  // namespace mod_ws::protocol
