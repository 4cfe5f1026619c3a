#include "mod_ws/protocol/permessage_deflate.h"

#include <gtest/gtest.h>

#include <array>
#include <list>

#include "tests/support/bytes.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;
using tests::bytes_of;

/// The whole message; nothing when it is corrupt.
std::optional<std::string> inflate(Inflater& inflater, std::span<const std::uint8_t> payload,
                                   bool ends_message = true, std::size_t step = 7) {
  std::string out;
  Bytes space(step);
  std::span<std::uint8_t> output;
  inflater.give(payload, ends_message);
  while (true) {
    switch (inflater.inflate_some(space, output)) {
      case Inflater::Result::output:
        out.append(output.begin(), output.end());
        break;
      case Inflater::Result::finished:
        return out;
      default:
        return std::nullopt;
    }
  }
}

/// Words in no order that repeats soon: every level and every memory level makes something else of
/// them.
std::string words(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += "word " + std::to_string(state >> 23) + (state >> 31 ? ", " : " of the text; ");
  }
  return text;
}

class PermessageDeflate : public testing::Test {
 protected:
  ZlibPool pool_;
};

// The examples of RFC 7692 7.2.3.
constexpr std::array<std::uint8_t, 7> hello{0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00};
constexpr std::array<std::uint8_t, 5> hello_again{0xF2, 0x00, 0x11, 0x00, 0x00};
constexpr std::array<std::uint8_t, 11> hello_stored{0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48,
                                                    0x65, 0x6C, 0x6C, 0x6F, 0x00};
constexpr std::array<std::uint8_t, 8> hello_final{0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00};
constexpr std::array<std::uint8_t, 13> hello_two_blocks{0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF,
                                                        0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00};

TEST_F(PermessageDeflate, InflatesTheExamplesOfTheRfc) {
  Inflater inflater(pool_, true);
  EXPECT_EQ(inflate(inflater, hello), "Hello");
  EXPECT_EQ(inflate(inflater, hello_again), "Hello");
  EXPECT_EQ(inflate(inflater, hello_stored), "Hello");
  EXPECT_EQ(inflate(inflater, hello_final), "Hello");
  EXPECT_EQ(inflate(inflater, hello_two_blocks), "Hello");
  EXPECT_EQ(inflate(inflater, std::array<std::uint8_t, 1>{0x00}), "");
}

TEST_F(PermessageDeflate, RefusesAMessageThatEndsInsideABlockAs1007) {
  for (const std::span<const std::uint8_t> message :
       {std::span<const std::uint8_t>(hello), std::span<const std::uint8_t>(hello_stored)}) {
    for (std::size_t kept = 0; kept < message.size(); ++kept) {
      if (kept == 1 && message[0] == 0x00) continue;  // that is the empty message
      for (const std::size_t step : {1, 2, 7, 100}) {
        Inflater inflater(pool_, true);
        EXPECT_EQ(inflate(inflater, message.first(kept), true, step), std::nullopt)
            << kept << " of " << message.size() << " bytes, " << step << " at a time";
      }
    }
  }
  Inflater next(pool_, true);  // on a stream that has failed
  EXPECT_EQ(inflate(next, hello), "Hello");
}

TEST_F(PermessageDeflate, KeepsTheContextBehindAFinalBlock) {
  Inflater inflater(pool_, true);
  EXPECT_EQ(inflate(inflater, hello_final), "Hello");
  EXPECT_EQ(inflate(inflater, hello_again), "Hello");
}

TEST_F(PermessageDeflate, KeepsNoContextWithoutTakeover) {
  Inflater inflater(pool_, false);
  EXPECT_EQ(inflate(inflater, hello), "Hello");
  EXPECT_EQ(inflate(inflater, hello_again), std::nullopt);
}

TEST_F(PermessageDeflate, InflatesByteByByte) {
  Inflater inflater(pool_, true);
  std::string text;
  for (std::size_t i = 0; i < hello.size(); ++i) {
    text += inflate(inflater, std::span(hello).subspan(i, 1), i + 1 == hello.size(), 1).value();
  }
  EXPECT_EQ(text, "Hello");
}

TEST_F(PermessageDeflate, DeflatesWithTheContextItKeeps) {
  Deflater deflater(pool_, 15, true, {});
  Bytes first;
  Bytes second;
  ASSERT_TRUE(deflater.deflate(bytes_of("Hello"), true, first));
  ASSERT_TRUE(deflater.deflate(bytes_of("Hello"), true, second));
  EXPECT_TRUE(std::equal(first.begin(), first.end(), hello.begin(), hello.end()));
  EXPECT_LT(second.size(), first.size());
}

TEST_F(PermessageDeflate, DeflatesTheSameTwiceWithoutContext) {
  Deflater deflater(pool_, 15, false, {});
  Bytes first;
  Bytes second;
  ASSERT_TRUE(deflater.deflate(bytes_of("Hello"), true, first));
  ASSERT_TRUE(deflater.deflate(bytes_of("Hello"), true, second));
  EXPECT_EQ(first, second);
}

TEST_F(PermessageDeflate, DeflatesNothingToOneByte) {
  Deflater deflater(pool_, 15, true, {});
  Bytes out;
  ASSERT_TRUE(deflater.deflate({}, true, out));
  EXPECT_EQ(out, Bytes{0x00});
}

TEST_F(PermessageDeflate, AppendsToWhatIsThere) {
  Deflater deflater(pool_, 15, true, {});
  Bytes out{1, 2, 3};
  ASSERT_TRUE(deflater.deflate(bytes_of("Hello"), true, out));
  EXPECT_EQ(out.size(), 3 + hello.size());
  EXPECT_EQ(out[0], 1);
}

TEST_F(PermessageDeflate, BringsBackWhatItDeflated) {
  for (const int window_bits : {9, 12, 15}) {
    for (const bool context_takeover : {false, true}) {
      Deflater deflater(pool_, window_bits, context_takeover, {.level = 6, .memory_level = 4});
      Inflater inflater(pool_, context_takeover);
      for (const std::size_t size : {1UL, 125UL, 4096UL, 300'000UL}) {
        std::string message;
        for (std::size_t i = 0; message.size() < size; ++i)
          message += std::to_string(i * i % 1009) + ",";
        Bytes compressed;
        ASSERT_TRUE(deflater.deflate(bytes_of(message), true, compressed));
        EXPECT_EQ(inflate(inflater, compressed, true, 1000), message)
            << window_bits << " " << context_takeover;
      }
    }
  }
}

TEST_F(PermessageDeflate, GivesLevelAndMemoryToZlib) {
  const auto size_with = [&](const DeflateEffort& effort) {
    Deflater deflater(pool_, 15, false, effort);
    Bytes compressed;
    EXPECT_TRUE(deflater.deflate(bytes_of(words(60'000)), true, compressed));
    return compressed.size();
  };
  EXPECT_LT(size_with({.level = 9, .memory_level = 8}), size_with({.level = 1, .memory_level = 8}));
  EXPECT_LT(size_with({.level = 6, .memory_level = 9}), size_with({.level = 6, .memory_level = 1}));
}

TEST_F(PermessageDeflate, TellsWhatIsCorrupt) {
  Inflater inflater(pool_, true);
  EXPECT_EQ(inflate(inflater, std::array<std::uint8_t, 4>{0xFF, 0xFF, 0xFF, 0xFF}), std::nullopt);
}

TEST_F(PermessageDeflate, LendsStreamsOutAgain) {
  const z_stream* lent = nullptr;
  {
    auto stream = pool_.take_inflate();
    lent = stream.get();
    pool_.put_back(std::move(stream));
  }
  EXPECT_EQ(pool_.take_inflate().get(), lent);
}

TEST_F(PermessageDeflate, HoldsNoStreamBetweenMessagesWithoutContext) {
  Deflater deflater(pool_, 15, false, {});
  Inflater inflater(pool_, false);
  EXPECT_EQ(pool_.idle_count(), 0U);
  for (int i = 0; i < 3; ++i) {
    Bytes compressed;
    ASSERT_TRUE(deflater.deflate(bytes_of("Hel"), false, compressed));
    EXPECT_EQ(pool_.idle_count(), i == 0 ? 0U : 1U) << "inside a message; what inflates is idle";
    ASSERT_TRUE(deflater.deflate(bytes_of("lo"), true, compressed));
    const std::span<const std::uint8_t> all(compressed);
    EXPECT_EQ(pool_.idle_count(), i == 0 ? 1U : 2U);
    const auto begin = inflate(inflater, all.first(3), false);
    EXPECT_EQ(pool_.idle_count(), 1U) << "inside a message; what deflates is idle";
    const auto end = inflate(inflater, all.subspan(3));
    ASSERT_TRUE(begin && end);
    EXPECT_EQ(*begin + *end, "Hello");
    EXPECT_EQ(pool_.idle_count(), 2U);
  }
}

TEST_F(PermessageDeflate, HoldsItsStreamsAsLongAsItsContext) {
  {
    Deflater deflater(pool_, 15, true, {});
    Inflater inflater(pool_, true);
    Bytes compressed;
    ASSERT_TRUE(deflater.deflate(bytes_of("Hello"), true, compressed));
    ASSERT_EQ(inflate(inflater, compressed), "Hello");
    EXPECT_EQ(pool_.idle_count(), 0U);
  }
  EXPECT_EQ(pool_.idle_count(), 2U);
}

TEST_F(PermessageDeflate, KeepsEightIdleStreamsOfEachKind) {
  std::list<Deflater> deflaters;  // each in the middle of a message
  std::list<Inflater> inflaters;
  for (int i = 0; i < 20; ++i) {
    Bytes out;
    ASSERT_TRUE(deflaters.emplace_back(pool_, 15, false, DeflateEffort{})
                    .deflate(bytes_of("Hel"), false, out));
    const std::span<const std::uint8_t> message(hello);
    ASSERT_TRUE(inflate(inflaters.emplace_back(pool_, false), message.first(3), false));
  }
  EXPECT_EQ(pool_.idle_count(), 0U);
  for (auto& deflater : deflaters) {
    Bytes out;
    ASSERT_TRUE(deflater.deflate(bytes_of("lo"), true, out));
  }
  EXPECT_EQ(pool_.idle_count(), 8U);
  inflaters.clear();  // sessions that end inside a message
  EXPECT_EQ(pool_.idle_count(), 16U);
}

}  // namespace
}  // namespace mod_ws::protocol
