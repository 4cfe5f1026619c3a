#include "mod_ws/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace mod_ws::base {
namespace {

// The key and the messages 00 01 02 ... of SipHash's reference vectors.
constexpr HashKey reference_key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string counting_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  return bytes;
}

TEST(KeyedHash, GivesTheReferenceVectors) {
  EXPECT_EQ(keyed_hash(reference_key, ""), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(keyed_hash(reference_key, counting_bytes(1)), 0x74f839c593dc67fdU);
  EXPECT_EQ(keyed_hash(reference_key, counting_bytes(8)), 0x93f5f5799a932462U);
  EXPECT_EQ(keyed_hash(reference_key, counting_bytes(15)), 0xa129ca6149be45e5U);
}

TEST(KeyedHash, DependsOnTheKey) {
  EXPECT_NE(keyed_hash({1, 2}, "client"), keyed_hash({2, 1}, "client"));
}

}  // namespace
}  // namespace mod_ws::base
