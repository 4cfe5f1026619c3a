#include "mod_ws/transport/address.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>

#include "tests/support/listener.h"

namespace mod_ws::transport {
namespace {

using tests::Listener;
using tests::Peer;

std::string texts(const std::vector<Address>& addresses) {
  std::string joined;
  for (const Address& address : addresses) joined += address.text() + " ";
  return joined;
}

TEST(Address, IsWrittenAsPeopleDo) {
  EXPECT_EQ(texts(numeric_addresses("192.0.2.7", 443)), "192.0.2.7:443 ");
  EXPECT_EQ(texts(numeric_addresses("2001:db8::1", 80)), "[2001:db8::1]:80 ");
  EXPECT_EQ(unix_address("/run/app.sock").text(), "/run/app.sock");
  EXPECT_TRUE(unix_address("/run/app.sock").is_unix());
}

TEST(Address, IsInFiguresOrNone) {
  EXPECT_TRUE(numeric_addresses("localhost", 80).empty());
  EXPECT_TRUE(numeric_addresses("::g", 80).empty());
  EXPECT_TRUE(numeric_addresses("", 80).empty());
}

TEST(Address, IsResolved) {
  const Resolution local = resolve("localhost", 8080);
  ASSERT_FALSE(local.addresses.empty()) << local.error;
  EXPECT_NE(texts(local.addresses).find("127.0.0.1:8080"), std::string::npos);
  const Resolution none = resolve("no-such-host.invalid", 80);
  EXPECT_TRUE(none.addresses.empty());
  EXPECT_NE(none.error, "");
}

/// 0 once it is connected.
int connect_to(const Address& address, base::UniqueFd& socket) {
  Connecting connecting = begin_connecting(address);
  socket = std::move(connecting.socket);
  if (!connecting.is_under_way) return connecting.error;
  pollfd poll{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  EXPECT_EQ(::poll(&poll, 1, 10'000), 1);
  return connect_error(socket.get());
}

TEST(Address, ConnectsOverTcp) {
  Listener listener;
  base::UniqueFd socket;
  ASSERT_EQ(connect_to(numeric_addresses("127.0.0.1", listener.port())[0], socket), 0);
  Peer server = listener.accept();
  server.send(tests::bytes_of("x"));
  Peer client(std::move(socket));
  EXPECT_EQ(client.receive(1), tests::bytes_of("x"));
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ::getsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  EXPECT_NE(no_delay, 0);
  EXPECT_EQ(::recv(client.fd(), &no_delay, 1, 0), -1);  // does not block
  EXPECT_EQ(errno, EAGAIN);
}

TEST(Address, ConnectsToAUnixSocket) {
  const std::string path = "/tmp/mod_ws_address_test." + std::to_string(::getpid());
  ::unlink(path.c_str());
  Listener listener(path);
  base::UniqueFd socket;
  EXPECT_EQ(connect_to(unix_address(path), socket), 0);
  ::unlink(path.c_str());
}

TEST(Address, TellsWhyNobodyCanBeReached) {
  base::UniqueFd socket;
  EXPECT_EQ(connect_to(numeric_addresses("127.0.0.1", tests::closed_port())[0], socket),
            ECONNREFUSED);
  EXPECT_EQ(connect_to(unix_address("/nonexistent/socket"), socket), ENOENT);
}

}  // namespace
}  // namespace mod_ws::transport
