#include "mod_ws/base/client_network.h"

#include <gtest/gtest.h>

namespace mod_ws::base {
namespace {

using namespace std::string_literals;

TEST(ClientNetwork, TellsIpv4AddressesApart) {
  EXPECT_EQ(client_network("192.0.2.7"), "\xC0\x00\x02\x07"s);
  EXPECT_NE(client_network("192.0.2.7"), client_network("192.0.2.8"));
}

TEST(ClientNetwork, TakesAMappedAddressForTheIpv4Address) {
  EXPECT_EQ(client_network("::ffff:192.0.2.7"), client_network("192.0.2.7"));
}

TEST(ClientNetwork, TakesAllOfAnIpv6NetworkForOneClient) {
  EXPECT_EQ(client_network("2001:db8:1:2::1"), client_network("2001:db8:1:2:ffff::9"));
  EXPECT_NE(client_network("2001:db8:1:2::1"), client_network("2001:db8:1:3::1"));
}

TEST(ClientNetwork, IgnoresAZone) {
  EXPECT_EQ(client_network("fe80::1%eth0"), client_network("fe80::2"));
}

TEST(ClientNetwork, LeavesWhatIsNoAddress) { EXPECT_EQ(client_network("a socket"), "a socket"); }

}  // namespace
}  // namespace mod_ws::base
