#include "mod_ws/transport/transport.h"

#include <gtest/gtest.h>

#include "tests/support/peer.h"

namespace mod_ws::transport {
namespace {

TEST(Transport, ForwardsToItsKind) {
  auto pair = tests::make_socket_pair();
  const int fd = pair.ours.get();
  tests::Peer peer(std::move(pair.theirs));
  Transport transport(std::move(pair.ours));
  EXPECT_EQ(transport.fd(), fd);
  EXPECT_EQ(transport.write_some(tests::bytes_of("a"), tests::bytes_of("b")).bytes, 2U);
  EXPECT_EQ(tests::text_of(peer.receive(2)), "ab");
  peer.send(tests::bytes_of("c"));
  tests::Bytes buffer(10);
  EXPECT_EQ(transport.read_some(buffer).bytes, 1U);
  transport.shutdown_write();
  EXPECT_TRUE(peer.receives_end());
  transport.close();
  EXPECT_EQ(transport.fd(), -1);
  static_assert(sizeof(Transport) <= 16);
}

}  // namespace
}  // namespace mod_ws::transport
