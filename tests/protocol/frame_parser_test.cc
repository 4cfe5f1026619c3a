#include "mod_ws/protocol/frame_parser.h"

#include <gtest/gtest.h>

#include "tests/support/parsing.h"

namespace mod_ws::protocol {
namespace {

using tests::all_ways;
using tests::Bytes;
using tests::operator+;
using tests::Parsing;
using tests::SeenFrame;
using tests::Way;
using ws::CloseCode;

/// Every way must find the same violation, after the same frames.
void expect_violation(CloseCode code, std::string_view reason, const FrameRules& rules,
                      std::size_t frames_before, const std::function<Bytes(const Way&)>& input) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way, rules);
    EXPECT_FALSE(parsing.feed(input(way)));
    ASSERT_TRUE(parsing.violation);
    EXPECT_EQ(parsing.violation->code, code);
    EXPECT_EQ(parsing.violation->reason, reason);
    EXPECT_EQ(parsing.frames.size(), frames_before);
  }
}

TEST(FrameParser, ReadsTheExamplesOfTheRfc) {
  // RFC 6455 5.7: what a server sends is not masked, what a client sends is.
  const SeenFrame hello{Opcode::text, true, 0, tests::bytes_of("Hello")};
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    if (way.role == Role::server) {
      EXPECT_TRUE(parsing.feed({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
                                0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
      EXPECT_EQ(parsing.frames,
                (std::vector<SeenFrame>{hello, {Opcode::pong, true, 0, tests::bytes_of("Hello")}}));
      continue;
    }
    EXPECT_TRUE(parsing.feed({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f,  // one unmasked frame
                              0x01, 0x03, 0x48, 0x65, 0x6c,              // two fragments
                              0x80, 0x02, 0x6c, 0x6f,                    //
                              0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}));
    EXPECT_EQ(parsing.frames,
              (std::vector<SeenFrame>{hello,
                                      {Opcode::text, false, 0, tests::bytes_of("Hel")},
                                      {Opcode::continuation, true, 0, tests::bytes_of("lo")},
                                      {Opcode::ping, true, 0, tests::bytes_of("Hello")}}));
    EXPECT_TRUE(parsing.feed(Bytes{0x82, 0x7E, 0x01, 0x00} + tests::pattern(256)));
    EXPECT_TRUE(parsing.feed(Bytes{0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0} + tests::pattern(65536)));
    ASSERT_EQ(parsing.frames.size(), 6U);
    EXPECT_EQ(parsing.frames[4].payload, tests::pattern(256));
    EXPECT_EQ(parsing.frames[5].payload, tests::pattern(65536));
  }
}

TEST(FrameParser, ReadsEveryPayloadSize) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    for (const std::size_t size : {0, 1, 2, 125, 126, 127, 128, 4095, 4096, 65535, 65536}) {
      if (size > 5000 && way.chunking == tests::Chunking::byte_by_byte) continue;
      Parsing parsing(way);
      ASSERT_TRUE(parsing.feed(frame(way.start(Opcode::binary), tests::pattern(size))));
      EXPECT_EQ(parsing.frames,
                (std::vector<SeenFrame>{{Opcode::binary, true, 0, tests::pattern(size)}}))
          << size;
      EXPECT_FALSE(parsing.parser.mid_frame());
      EXPECT_FALSE(parsing.parser.mid_message());
      EXPECT_TRUE(parsing.rest.empty());
    }
  }
}

TEST(FrameParser, AcceptsControlFramesBetweenFragments) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    EXPECT_TRUE(parsing.feed(
        frame(way.start(Opcode::text, false), "a") + frame(way.start(Opcode::ping), "p") +
        frame(way.start(Opcode::continuation, false), "") +
        frame(way.start(Opcode::pong), tests::pattern(125)) +
        frame(way.start(Opcode::continuation), "b") + frame(way.start(Opcode::text), "c")));
    EXPECT_EQ(parsing.frames,
              (std::vector<SeenFrame>{{Opcode::text, false, 0, tests::bytes_of("a")},
                                      {Opcode::ping, true, 0, tests::bytes_of("p")},
                                      {Opcode::continuation, false, 0, {}},
                                      {Opcode::pong, true, 0, tests::pattern(125)},
                                      {Opcode::continuation, true, 0, tests::bytes_of("b")},
                                      {Opcode::text, true, 0, tests::bytes_of("c")}}));
  }
}

TEST(FrameParser, RejectsReservedOpcodes) {
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    SCOPED_TRACE(opcode);
    expect_violation(CloseCode::protocol_error, "reserved opcode", {}, 1, [&](const Way& way) {
      return frame(way.start(Opcode::text), "before") +
             frame(way.start(static_cast<Opcode>(opcode)), "x");
    });
  }
}

TEST(FrameParser, RejectsReservedBitsThatWereNotAgreed) {
  for (const int rsv : {0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70}) {
    for (const std::uint8_t allowed : {std::uint8_t{0}, rsv1_bit}) {
      if ((rsv & ~allowed) == 0) continue;
      SCOPED_TRACE(rsv);
      for (const auto opcode : {Opcode::text, Opcode::binary, Opcode::ping, Opcode::close}) {
        expect_violation(CloseCode::protocol_error, "reserved bit set", {.allowed_rsv = allowed}, 0,
                         [&](const Way& way) {
                           return frame(way.start(opcode, true, static_cast<std::uint8_t>(rsv)),
                                        "");
                         });
      }
    }
  }
}

TEST(FrameParser, AcceptsRsv1OnAMessagesFirstFrameOnceAgreed) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way, {.allowed_rsv = rsv1_bit});
    EXPECT_TRUE(parsing.feed(frame(way.start(Opcode::text, false, rsv1_bit), "a") +
                             frame(way.start(Opcode::continuation), "b") +
                             frame(way.start(Opcode::binary, true, rsv1_bit), "c")));
    ASSERT_EQ(parsing.frames.size(), 3U);
    EXPECT_EQ(parsing.frames[0].rsv, rsv1_bit);
    EXPECT_EQ(parsing.frames[1].rsv, 0);
    EXPECT_EQ(parsing.frames[2].rsv, rsv1_bit);
  }
}

TEST(FrameParser, RejectsRsv1OnContinuations) {
  expect_violation(CloseCode::protocol_error, "compression bit on a continuation frame",
                   {.allowed_rsv = rsv1_bit}, 1, [](const Way& way) {
                     return frame(way.start(Opcode::text, false, rsv1_bit), "a") +
                            frame(way.start(Opcode::continuation, true, rsv1_bit), "b");
                   });
}

TEST(FrameParser, RejectsRsv1OnControlFrames) {
  for (const auto opcode : {Opcode::close, Opcode::ping, Opcode::pong}) {
    expect_violation(CloseCode::protocol_error, "compressed control frame",
                     {.allowed_rsv = rsv1_bit}, 0,
                     [&](const Way& way) { return frame(way.start(opcode, true, rsv1_bit), ""); });
  }
}

TEST(FrameParser, RejectsTheWrongMaskBit) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    EXPECT_FALSE(parsing.feed(tests::frame({.sender = way.role}, "Hello")));
    ASSERT_TRUE(parsing.violation);
    EXPECT_EQ(parsing.violation->code, CloseCode::protocol_error);
    EXPECT_STREQ(parsing.violation->reason, way.role == Role::server
                                                ? "unmasked frame from a client"
                                                : "masked frame from a server");
  }
}

TEST(FrameParser, RejectsFragmentedControlFrames) {
  for (const auto opcode : {Opcode::close, Opcode::ping, Opcode::pong}) {
    expect_violation(CloseCode::protocol_error, "fragmented control frame", {}, 0,
                     [&](const Way& way) { return frame(way.start(opcode, false), ""); });
  }
}

TEST(FrameParser, RejectsControlFramesAbove125Bytes) {
  for (const auto opcode : {Opcode::close, Opcode::ping, Opcode::pong}) {
    for (const std::size_t size : {126U, 65536U}) {
      // The header alone decides: not one byte of payload is needed.
      expect_violation(CloseCode::protocol_error, "control frame above 125 bytes", {}, 0,
                       [&](const Way& way) { return header(way.start(opcode), size); });
    }
  }
}

TEST(FrameParser, GivesControlFramesWhole) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    int pieces = 0;
    const Bytes ping = frame(way.start(Opcode::ping), tests::pattern(125));
    EXPECT_TRUE(parsing.feed(ping, [&](FramePiece& piece) {
      ++pieces;
      EXPECT_EQ(piece.raw.size(), ping.size());
      EXPECT_EQ(piece.payload.size(), 125U);
      EXPECT_TRUE(piece.starts_frame && piece.ends_frame);
      EXPECT_FALSE(piece.ends_message());
      return true;
    }));
    EXPECT_EQ(pieces, 1);
  }
}

TEST(FrameParser, RejectsLengthsNotInTheirShortestForm) {
  struct Form {
    std::uint64_t length;
    int extended_bytes;
  };
  for (const auto& [length, extended_bytes] :
       std::initializer_list<Form>{{0, 2},
                                   {125, 2},
                                   {125, 8},
                                   {126, 8},
                                   {65535, 8},
                                   {std::uint64_t{1} << 63, 8},
                                   {~std::uint64_t{0}, 8}}) {
    SCOPED_TRACE(length);
    expect_violation(CloseCode::protocol_error, "frame length not in its shortest form", {}, 0,
                     [length = length, extended_bytes = extended_bytes](const Way& way) {
                       return header_with_form(way.start(Opcode::binary), length, extended_bytes);
                     });
  }
}

TEST(FrameParser, AcceptsTheLongestFrame) {
  constexpr std::uint64_t longest = (std::uint64_t{1} << 63) - 1;
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    std::uint64_t left = 0;
    EXPECT_TRUE(parsing.feed(header(way.start(Opcode::binary), longest) + tests::pattern(10),
                             [&](FramePiece& piece) {
                               left = piece.payload_left;
                               return true;
                             }));
    EXPECT_EQ(left, longest - 10);
    EXPECT_TRUE(parsing.parser.mid_frame());
  }
}

TEST(FrameParser, RejectsContinuationWithoutMessage) {
  constexpr auto* reason = "continuation frame without a message to continue";
  for (const bool fin : {true, false}) {
    expect_violation(CloseCode::protocol_error, reason, {}, 0, [&](const Way& way) {
      return frame(way.start(Opcode::continuation, fin), "x");
    });
  }
  expect_violation(CloseCode::protocol_error, reason, {}, 3, [](const Way& way) {
    return frame(way.start(Opcode::text, false), "a") +
           frame(way.start(Opcode::continuation, true), "b") + frame(way.start(Opcode::ping), "") +
           frame(way.start(Opcode::continuation, true), "c");
  });
}

TEST(FrameParser, RejectsNewMessageInsideAnother) {
  for (const auto opcode : {Opcode::text, Opcode::binary}) {
    expect_violation(CloseCode::protocol_error, "new message before the last one ended", {}, 2,
                     [&](const Way& way) {
                       return frame(way.start(Opcode::text, false), "") +
                              frame(way.start(Opcode::ping), "p") + frame(way.start(opcode), "b");
                     });
  }
}

TEST(FrameParser, RejectsFramesAboveTheLimit) {
  for (const std::size_t limit : {1U, 125U, 126U, 65535U, 65536U}) {
    SCOPED_TRACE(limit);
    const FrameLimits limits{.max_frame_bytes = limit};
    const FrameRules rules{.limits = &limits};
    // Before any payload: the header is enough.
    expect_violation(CloseCode::message_too_big, "frame above the size limit", rules, 0,
                     [&](const Way& way) { return header(way.start(Opcode::binary), limit + 1); });
    expect_violation(CloseCode::message_too_big, "frame above the size limit", rules, 1,
                     [&](const Way& way) {
                       return frame(way.start(Opcode::text, false), "x") +
                              header(way.start(Opcode::continuation), limit + 1);
                     });
    for (const Way& way : all_ways()) {
      Parsing parsing(way, rules);
      EXPECT_TRUE(parsing.feed(header(way.start(Opcode::binary), limit)));
    }
  }
}

TEST(FrameParser, HoldsNoLimitAgainstControlFrames) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    const FrameLimits limits{.max_frame_bytes = 1};
    Parsing parsing(way, {.limits = &limits});
    EXPECT_TRUE(parsing.feed(frame(way.start(Opcode::ping), tests::pattern(125))));
    EXPECT_EQ(parsing.frames.size(), 1U);
  }
}

TEST(FrameParser, TellsWhereItStands) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    const auto stands = [&] {
      return std::pair(parsing.parser.mid_frame(), parsing.parser.mid_message());
    };
    EXPECT_EQ(stands(), std::pair(false, false));
    const Bytes first = frame(way.start(Opcode::text, false), "abc");
    parsing.feed({first[0]});
    EXPECT_EQ(stands(), std::pair(false, false)) << "a header's part is not a frame yet";
    parsing.feed(Bytes(first.begin() + 1, first.end() - 1));
    EXPECT_EQ(stands(), std::pair(true, true));
    parsing.feed({first.back()});
    EXPECT_EQ(stands(), std::pair(false, true));
    parsing.feed(frame(way.start(Opcode::ping), "p"));
    EXPECT_EQ(stands(), std::pair(false, true));
    const Bytes last = frame(way.start(Opcode::continuation), "def");
    parsing.feed(Bytes(last.begin(), last.end() - 1));
    EXPECT_EQ(stands(), std::pair(true, true));
    parsing.feed({last.back()});
    EXPECT_EQ(stands(), std::pair(false, false));
    ASSERT_EQ(parsing.frames.size(), 3U);
    EXPECT_EQ(parsing.frames[2].payload, tests::bytes_of("def"));
  }
}

TEST(FrameParser, CountsThePayloadThatIsLeft) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    constexpr std::size_t size = 300;
    Parsing parsing(way);
    std::size_t payload_seen = 0;
    Bytes raw;
    const Bytes whole = frame(way.start(Opcode::binary), tests::pattern(size));
    EXPECT_TRUE(parsing.feed(whole, [&](FramePiece& piece) {
      EXPECT_EQ(piece.starts_frame, raw.empty());
      payload_seen += piece.payload.size();
      raw.insert(raw.end(), piece.raw.begin(), piece.raw.end());
      EXPECT_EQ(piece.payload_left, size - payload_seen);
      EXPECT_EQ(piece.ends_frame, payload_seen == size);
      EXPECT_EQ(piece.ends_message(), payload_seen == size);
      return true;
    }));
    EXPECT_EQ(raw, whole);
    EXPECT_EQ(payload_seen, size);
  }
}

TEST(FrameParser, EndsTheMessageWithTheLastFragmentOnly) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way);
    Parsing parsing(way);
    std::vector<Opcode> ended_by;
    EXPECT_TRUE(parsing.feed(frame(way.start(Opcode::text, false), "abc") +
                                 frame(way.start(Opcode::ping), "") +
                                 frame(way.start(Opcode::continuation, false), "def") +
                                 frame(way.start(Opcode::continuation), "ghi"),
                             [&](FramePiece& piece) {
                               if (piece.ends_message()) ended_by.push_back(piece.opcode);
                               return true;
                             }));
    EXPECT_EQ(ended_by, std::vector{Opcode::continuation});
  }
}

}  // namespace
}  // namespace mod_ws::protocol
