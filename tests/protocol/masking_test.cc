#include "mod_ws/protocol/masking.h"

#include <gtest/gtest.h>

#include "tests/support/bytes.h"
#include "tests/support/guarded_input.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;

constexpr MaskingKey key{0x37, 0xfa, 0x21, 0x3d};

/// RFC 6455 5.3, to the letter.
Bytes masked_bytewise(Bytes bytes, const MaskingKey& with, std::size_t offset = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] ^= with[(i + offset) % 4];
  return bytes;
}

TEST(Masking, MatchesTheReferenceForEverySizeAndRotation) {
  for (std::size_t size = 0; size <= 70; ++size) {
    for (std::size_t offset = 0; offset < 8; ++offset) {
      const Bytes plain = tests::pattern(size);
      const tests::GuardedInput input(plain);
      mask(input.bytes(), rotated(key, offset));
      EXPECT_EQ(Bytes(input.bytes().begin(), input.bytes().end()),
                masked_bytewise(plain, key, offset))
          << "size " << size << ", offset " << offset;
    }
  }
}

TEST(Masking, MatchesTheReferenceAtEveryAlignment) {
  for (std::size_t start = 0; start < 16; ++start) {
    Bytes bytes = tests::pattern(100);
    const Bytes plain(bytes.begin() + static_cast<std::ptrdiff_t>(start), bytes.end() - 3);
    mask(std::span(bytes).subspan(start, plain.size()), key);
    const Bytes expected = masked_bytewise(plain, key);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                           bytes.begin() + static_cast<std::ptrdiff_t>(start)));
    const Bytes untouched = tests::pattern(100);
    EXPECT_TRUE(std::equal(untouched.end() - 3, untouched.end(), bytes.end() - 3));
    EXPECT_TRUE(std::equal(untouched.begin(),
                           untouched.begin() + static_cast<std::ptrdiff_t>(start), bytes.begin()));
  }
}

TEST(Masking, UndoesItself) {
  Bytes bytes = tests::pattern(1000);
  mask(bytes, key);
  EXPECT_NE(bytes, tests::pattern(1000));
  mask(bytes, key);
  EXPECT_EQ(bytes, tests::pattern(1000));
}

TEST(Masking, MasksTheRfcExample) {
  Bytes hello = tests::bytes_of("Hello");
  mask(hello, key);
  EXPECT_EQ(hello, (Bytes{0x7f, 0x9f, 0x4d, 0x51, 0x58}));  // RFC 6455 5.7
}

TEST(Masking, ContinuesWithTheRotatedKey) {
  for (std::size_t cut = 0; cut <= 40; ++cut) {
    Bytes bytes = tests::pattern(40);
    mask(std::span(bytes).first(cut), key);
    mask(std::span(bytes).subspan(cut), rotated(key, cut));
    EXPECT_EQ(bytes, masked_bytewise(tests::pattern(40), key)) << cut;
  }
}

TEST(Masking, RotatesByLargeOffsets) {
  EXPECT_EQ(rotated(key, ~std::uint64_t{0} - 3), key);
  EXPECT_EQ(rotated(key, (std::uint64_t{1} << 40) + 3),
            (MaskingKey{key[3], key[0], key[1], key[2]}));
}

}  // namespace
}  // namespace mod_ws::protocol
