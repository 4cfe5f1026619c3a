#include "mod_ws/protocol/close_frame.h"

#include <gtest/gtest.h>

#include <set>

#include "mod_ws/protocol/utf8.h"
#include "tests/support/frames.h"
#include "tests/support/guarded_input.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;
using ws::CloseCode;

struct Parsed {
  std::optional<ws::CloseStatus> status;
  Violation violation{};
};

Parsed parse(const Bytes& payload) {
  const tests::GuardedInput input(payload);
  Parsed parsed;
  parsed.status = parse_close_payload(input.bytes(), parsed.violation);
  return parsed;
}

Bytes serialized(int code, std::string_view reason) {
  const ClosePayload payload(static_cast<CloseCode>(code), reason);
  return {payload.bytes().begin(), payload.bytes().end()};
}

/// RFC 6455 7.4 and IANA's registry, written out.
bool is_on_the_list(int code) {
  static const std::set<int> named{1000, 1001, 1002, 1003, 1007, 1008,
                                   1009, 1010, 1011, 1012, 1013, 1014};
  return named.contains(code) || (code >= 3000 && code < 5000);
}

TEST(CloseFrame, AcceptsTheCodesThatMayBeSentAndNoOthers) {
  for (int code = 0; code <= 5000; ++code) {
    EXPECT_EQ(may_be_sent(static_cast<CloseCode>(code)), is_on_the_list(code)) << code;
    const Parsed parsed = parse(tests::close_payload(code));
    ASSERT_EQ(parsed.status.has_value(), is_on_the_list(code)) << code;
    if (parsed.status) {
      EXPECT_EQ(parsed.status->code, static_cast<CloseCode>(code));
    } else {
      EXPECT_EQ(parsed.violation.code, CloseCode::protocol_error) << code;
    }
  }
  EXPECT_FALSE(parse(tests::close_payload(65535)).status);
}

TEST(CloseFrame, TakesAnEmptyPayloadForNoStatus) {
  const Parsed parsed = parse({});
  ASSERT_TRUE(parsed.status);
  EXPECT_EQ(parsed.status->code, CloseCode::no_status_received);
  EXPECT_EQ(parsed.status->reason, "");
}

TEST(CloseFrame, RejectsOneByte) {
  const Parsed parsed = parse({0x03});
  EXPECT_FALSE(parsed.status);
  EXPECT_EQ(parsed.violation.code, CloseCode::protocol_error);
  EXPECT_STREQ(parsed.violation.reason, "close frame of one byte");
}

TEST(CloseFrame, ReadsTheReason) {
  const std::string longest(123, 'r');
  for (const std::string_view reason : {"", "bye", "\xE2\x82\xAC", longest.c_str()}) {
    const Parsed parsed = parse(tests::close_payload(1001, reason));
    ASSERT_TRUE(parsed.status);
    EXPECT_EQ(parsed.status->code, CloseCode::going_away);
    EXPECT_EQ(parsed.status->reason, reason);
  }
}

TEST(CloseFrame, RejectsReasonsThatAreNotUtf8) {
  for (const std::string_view reason : {"\xFF", "ok\xC0\x80", "\xED\xA0\x80", "cut \xE2\x82"}) {
    const Parsed parsed = parse(tests::close_payload(1000, reason));
    EXPECT_FALSE(parsed.status);
    EXPECT_EQ(parsed.violation.code, CloseCode::invalid_frame_payload_data);
  }
}

TEST(CloseFrame, WritesCodeAndReason) {
  EXPECT_EQ(serialized(1000, ""), (Bytes{0x03, 0xE8}));
  EXPECT_EQ(serialized(4999, "why"), (Bytes{0x13, 0x87, 'w', 'h', 'y'}));
}

TEST(CloseFrame, WritesNothingForCodesThatAreNeverSent) {
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000}) {
    EXPECT_EQ(serialized(code, "reason"), Bytes{}) << code;
  }
}

TEST(CloseFrame, KeepsReasonsThatFit) {
  const std::string reason = std::string(120, 'x') + "\xE2\x82\xAC";  // 123 bytes
  EXPECT_EQ(serialized(1000, reason), tests::close_payload(1000, reason));
}

TEST(CloseFrame, CutsReasonsBetweenCharacters) {
  struct Cut {
    std::string_view character;
    std::size_t size;
  };
  for (const auto& [character, size] : std::initializer_list<Cut>{
           {"x", 1}, {"\xC3\xA9", 2}, {"\xE2\x82\xAC", 3}, {"\xF0\x9F\x98\x80", 4}}) {
    for (std::size_t before = 100; before <= 130; ++before) {
      std::string reason(before, 'a');
      for (int i = 0; i < 20; ++i) reason += character;
      const Bytes payload = serialized(1000, reason);
      const std::size_t fit = before >= 123 ? 123 : before + (123 - before) / size * size;
      EXPECT_EQ(payload, tests::close_payload(1000, reason.substr(0, fit))) << before;
      EXPECT_TRUE(is_utf8(std::span(payload).subspan(2)));
    }
  }
}

TEST(CloseFrame, ReadsWhatItWrites) {
  for (int code = 1000; code < 5000; ++code) {
    if (!may_be_sent(static_cast<CloseCode>(code))) continue;
    const Parsed parsed = parse(serialized(code, "reason"));
    ASSERT_TRUE(parsed.status);
    EXPECT_EQ(parsed.status->code, static_cast<CloseCode>(code));
    EXPECT_EQ(parsed.status->reason, "reason");
  }
}

}  // namespace
}  // namespace mod_ws::protocol
