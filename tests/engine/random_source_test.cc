#include "mod_ws/engine/random_source.h"

#include <gtest/gtest.h>

#include <set>

namespace mod_ws::engine {
namespace {

TEST(RandomSource, GivesKeysThatDiffer) {
  RandomSource first;
  RandomSource second;
  std::set<std::array<std::uint8_t, 4>> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.insert(first.next_key());
    keys.insert(second.next_key());
  }
  // Two of 2,000 are the same once in 2,000 runs; ten never.
  EXPECT_GT(keys.size(), 1990U);
}

TEST(RandomSource, SetsEveryBit) {
  RandomSource source;
  std::array<std::uint8_t, 4> any{};
  std::array<std::uint8_t, 4> all{255, 255, 255, 255};
  for (int i = 0; i < 1000; ++i) {
    const auto key = source.next_key();
    for (std::size_t byte = 0; byte < 4; ++byte) {
      any[byte] |= key[byte];
      all[byte] &= key[byte];
    }
  }
  EXPECT_EQ(any, (std::array<std::uint8_t, 4>{255, 255, 255, 255}));
  EXPECT_EQ(all, (std::array<std::uint8_t, 4>{}));
}

}  // namespace
}  // namespace mod_ws::engine
