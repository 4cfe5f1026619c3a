#include "mod_ws/protocol/opcode.h"

#include <gtest/gtest.h>

#include <set>

namespace mod_ws::protocol {
namespace {

TEST(Opcode, DefinesSixAndReservesTen) {
  const std::set<int> defined{0, 1, 2, 8, 9, 10};
  for (int value = 0; value < 16; ++value) {
    EXPECT_EQ(is_defined(static_cast<Opcode>(value)), defined.contains(value)) << value;
    EXPECT_EQ(is_control(static_cast<Opcode>(value)), value >= 8) << value;
  }
}

TEST(Role, HasItsPeer) {
  EXPECT_EQ(peer_of(Role::server), Role::client);
  EXPECT_EQ(peer_of(Role::client), Role::server);
}

}  // namespace
}  // namespace mod_ws::protocol
