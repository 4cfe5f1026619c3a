#include "mod_ws/protocol/message_assembler.h"

#include <gtest/gtest.h>

#include "tests/support/parsing.h"

namespace mod_ws::protocol {
namespace {

using tests::all_ways;
using tests::Bytes;
using tests::operator+;
using tests::Parsing;
using tests::Way;
using ws::CloseCode;
using ws::MessageType;
using Result = MessageAssembler::Result;

/// A parser and an assembler behind it, as in a handler's session.
class Assembling {
 public:
  explicit Assembling(const Way& way, std::uint64_t max_message_bytes = 0)
      : parsing(way), assembler_({.max_message_bytes = max_message_bytes}) {}

  bool feed(const Bytes& bytes) {
    return parsing.feed(bytes, [this](FramePiece& piece) { return receive(piece); });
  }

  Parsing parsing;
  std::vector<ws::Message> messages;
  std::optional<Violation> violation;
  int controls = 0;

 private:
  bool receive(FramePiece& piece) {
    if (is_control(piece.opcode)) return ++controls, true;
    const Result result = assembler_.receive(piece);
    if (result == Result::message) messages.push_back(assembler_.take_message());
    if (result == Result::violation) violation = assembler_.violation();
    return result != Result::violation;
  }

  MessageAssembler assembler_;
};

TEST(MessageAssembler, GivesWholeMessages) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way);
    const Bytes large = tests::pattern(3000);
    EXPECT_TRUE(assembling.feed(frame(way.start(Opcode::text), "Hello") +
                                frame(way.start(Opcode::binary), large)));
    ASSERT_EQ(assembling.messages.size(), 2U);
    EXPECT_EQ(assembling.messages[0].type, MessageType::text);
    EXPECT_EQ(assembling.messages[0].payload, "Hello");
    EXPECT_EQ(assembling.messages[1].type, MessageType::binary);
    EXPECT_EQ(assembling.messages[1].payload, tests::text_of(large));
  }
}

TEST(MessageAssembler, GivesEmptyMessages) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way, 10);
    EXPECT_TRUE(assembling.feed(frame(way.start(Opcode::text), "") +
                                frame(way.start(Opcode::binary, false), "") +
                                frame(way.start(Opcode::continuation, false), "") +
                                frame(way.start(Opcode::continuation), "")));
    ASSERT_EQ(assembling.messages.size(), 2U);
    EXPECT_EQ(assembling.messages[0].type, MessageType::text);
    EXPECT_EQ(assembling.messages[0].payload, "");
    EXPECT_EQ(assembling.messages[1].type, MessageType::binary);
    EXPECT_EQ(assembling.messages[1].payload, "");
  }
}

TEST(MessageAssembler, JoinsFragmentsAroundControlFrames) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way);
    EXPECT_TRUE(assembling.feed(
        frame(way.start(Opcode::text, false), "one ") + frame(way.start(Opcode::ping), "p") +
        frame(way.start(Opcode::continuation, false), "two ") +
        frame(way.start(Opcode::pong), "q") + frame(way.start(Opcode::continuation), "three") +
        frame(way.start(Opcode::binary), "next")));
    EXPECT_EQ(assembling.controls, 2);
    ASSERT_EQ(assembling.messages.size(), 2U);
    EXPECT_EQ(assembling.messages[0].type, MessageType::text);
    EXPECT_EQ(assembling.messages[0].payload, "one two three");
    EXPECT_EQ(assembling.messages[1].payload, "next");
  }
}

TEST(MessageAssembler, AcceptsCharactersCutByFragments) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Assembling assembling(way);
      EXPECT_TRUE(assembling.feed(frame(way.start(Opcode::text, false), text.substr(0, cut)) +
                                  frame(way.start(Opcode::ping), "\xFF") +
                                  frame(way.start(Opcode::continuation), text.substr(cut))));
      ASSERT_EQ(assembling.messages.size(), 1U) << cut;
      EXPECT_EQ(assembling.messages[0].payload, text);
    }
  }
}

TEST(MessageAssembler, FailsAtTheFirstBadByte) {
  const std::string good = "good \xE2\x82\xAC ";
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way);
    const Bytes input = frame(way.start(Opcode::text, false), good + "\xED\xA0" + "and more of it");
    EXPECT_FALSE(assembling.feed(input));
    ASSERT_TRUE(assembling.violation);
    EXPECT_EQ(assembling.violation->code, CloseCode::invalid_frame_payload_data);
    EXPECT_STREQ(assembling.violation->reason, "text message is not UTF-8");
    EXPECT_TRUE(assembling.messages.empty());
    if (way.chunking == tests::Chunking::byte_by_byte) {
      const std::size_t header_size = way.role == Role::server ? 6 : 2;
      EXPECT_EQ(assembling.parsing.fed, header_size + good.size() + 2);  // 0xA0 is the bad one
    }
  }
}

TEST(MessageAssembler, RejectsTextThatEndsInsideACharacter) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    for (const std::string_view last : {"\xC3", "x\xE2\x82", "\xF0\x9F\x98"}) {
      for (const bool fragmented : {false, true}) {
        Assembling assembling(way);
        EXPECT_FALSE(assembling.feed(fragmented ? frame(way.start(Opcode::text, false), "abc") +
                                                      frame(way.start(Opcode::continuation), last)
                                                : frame(way.start(Opcode::text), last)));
        ASSERT_TRUE(assembling.violation);
        EXPECT_EQ(assembling.violation->code, CloseCode::invalid_frame_payload_data);
        EXPECT_STREQ(assembling.violation->reason, "text message ends inside a character");
      }
    }
  }
}

TEST(MessageAssembler, DoesNotLookIntoBinary) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way);
    EXPECT_TRUE(assembling.feed(frame(way.start(Opcode::binary, false), "\xFF\xC0") +
                                frame(way.start(Opcode::continuation), "\xED\xA0\x80")));
    ASSERT_EQ(assembling.messages.size(), 1U);
    EXPECT_EQ(assembling.messages[0].payload, "\xFF\xC0\xED\xA0\x80");
  }
}

TEST(MessageAssembler, AcceptsMessagesUpToTheLimit) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way, 300);
    EXPECT_TRUE(assembling.feed(frame(way.start(Opcode::binary), tests::pattern(300)) +
                                frame(way.start(Opcode::binary, false), tests::pattern(150)) +
                                frame(way.start(Opcode::continuation), tests::pattern(150))));
    ASSERT_EQ(assembling.messages.size(), 2U);
    EXPECT_EQ(assembling.messages[0].payload.size(), 300U);
    EXPECT_EQ(assembling.messages[1].payload.size(), 300U);
  }
}

TEST(MessageAssembler, RejectsTooMuchBeforeItComes) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way, 300);
    // The header announces it: no byte of the payload has arrived.
    EXPECT_FALSE(assembling.feed(header(way.start(Opcode::binary), 301)));
    ASSERT_TRUE(assembling.violation);
    EXPECT_EQ(assembling.violation->code, CloseCode::message_too_big);
    EXPECT_STREQ(assembling.violation->reason, "message above the size limit");
  }
}

TEST(MessageAssembler, CountsFragmentsTogether) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way, 300);
    EXPECT_FALSE(assembling.feed(frame(way.start(Opcode::binary, false), tests::pattern(200)) +
                                 header(way.start(Opcode::continuation), 101)));
    ASSERT_TRUE(assembling.violation);
    EXPECT_EQ(assembling.violation->code, CloseCode::message_too_big);
    EXPECT_TRUE(assembling.messages.empty());
  }
}

TEST(MessageAssembler, RejectsTheLargestLength) {
  constexpr std::uint64_t longest = (std::uint64_t{1} << 63) - 1;
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way, 300);
    EXPECT_FALSE(assembling.feed(frame(way.start(Opcode::binary, false), tests::pattern(300)) +
                                 header(way.start(Opcode::continuation), longest)));
    ASSERT_TRUE(assembling.violation);
    EXPECT_EQ(assembling.violation->code, CloseCode::message_too_big);
  }
}

TEST(MessageAssembler, StartsEachMessageAnew) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Assembling assembling(way, 10);
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(assembling.feed(frame(way.start(Opcode::text), "12345678\xC3\xA9") +
                                  frame(way.start(Opcode::binary), "\xFF")));
    }
    ASSERT_EQ(assembling.messages.size(), 10U);
    EXPECT_EQ(assembling.messages[8].payload, "12345678\xC3\xA9");
    EXPECT_EQ(assembling.messages[9].payload, "\xFF");
  }
}

}  // namespace
}  // namespace mod_ws::protocol
