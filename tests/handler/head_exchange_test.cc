#include "mod_ws/handler/head_exchange.h"

#include <gtest/gtest.h>

#include "tests/support/peer.h"

namespace mod_ws::handler {
namespace {

using engine::Interest;
using tests::Bytes;
using tests::Peer;
using Status = HeadExchange::Status;

/// An exchange, and its server in the same thread.
struct Exchanging {
  explicit Exchanging(std::string request, int send_buffer_bytes = 0,
                      std::size_t buffer_bytes = 100)
      : exchange(std::move(request)), buffer(buffer_bytes) {
    tests::SocketPair pair = tests::make_socket_pair(send_buffer_bytes);
    transport.emplace(transport::Transport(std::move(pair.ours)));
    server = Peer(std::move(pair.theirs));
  }
  Status go_on() { return exchange.go_on(*transport, buffer); }
  Status go_on_with(std::string_view bytes) {
    server.send(tests::bytes_of(bytes));
    return go_on();
  }

  HeadExchange exchange;
  Bytes buffer;
  std::optional<transport::Transport> transport;
  Peer server{base::UniqueFd()};
};

TEST(HeadExchange, SendsAndReceives) {
  Exchanging exchanging("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(exchanging.go_on(), Status::waits);
  EXPECT_EQ(exchanging.exchange.interest(), Interest::read);
  EXPECT_EQ(tests::text_of(exchanging.server.receive(18)), "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(exchanging.go_on_with("HTTP/1.1 200 OK\r\nA: "), Status::waits);
  EXPECT_EQ(exchanging.go_on_with("b\r\n\r\nrest"), Status::answered);
  EXPECT_EQ(exchanging.exchange.head().status, 200);
  EXPECT_EQ(exchanging.exchange.head().header("A"), "b");
  EXPECT_EQ(tests::text_of(exchanging.exchange.rest()), "rest");
}

TEST(HeadExchange, WaitsUntilTheRequestIsTaken) {
  const std::string request(1 << 20, 'x');
  Exchanging exchanging(request, 4096);
  EXPECT_EQ(exchanging.go_on(), Status::waits);
  EXPECT_EQ(exchanging.exchange.interest(), Interest::write);
  Bytes taken;
  while (taken.size() < request.size()) {
    const Bytes part =
        exchanging.server.receive(std::min<std::size_t>(1024, request.size() - taken.size()));
    ASSERT_FALSE(part.empty());
    taken.insert(taken.end(), part.begin(), part.end());
    EXPECT_EQ(exchanging.go_on(), Status::waits);
  }
  EXPECT_EQ(exchanging.exchange.interest(), Interest::read);
}

TEST(HeadExchange, LooksBehindAFullBuffer) {
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n";
  Exchanging exchanging("x", 0, head.size());
  exchanging.go_on();
  EXPECT_EQ(exchanging.go_on_with(head + "rest"), Status::answered);
  EXPECT_EQ(tests::text_of(exchanging.exchange.rest()), "rest");
  Exchanging nothing_behind("x", 0, head.size());
  nothing_behind.go_on();
  EXPECT_EQ(nothing_behind.go_on_with(head), Status::answered);
  EXPECT_TRUE(nothing_behind.exchange.rest().empty());
}

TEST(HeadExchange, TellsWhatIsNoAnswer) {
  Exchanging exchanging("x");
  EXPECT_EQ(exchanging.go_on_with("SSH-2.0-OpenSSH\r\n"), Status::malformed);
  EXPECT_EQ(exchanging.exchange.complaint(), "the answer is not HTTP/1");
}

TEST(HeadExchange, TellsTheEnd) {
  Exchanging exchanging("x");
  exchanging.go_on();
  exchanging.server.receive(1);
  exchanging.server.send(tests::bytes_of("HTTP/1.1 200 OK\r\n"));
  exchanging.server.shutdown_write();
  EXPECT_EQ(exchanging.go_on(), Status::broken);
  EXPECT_EQ(exchanging.exchange.complaint(), "the connection was ended before the answer had come");
}

TEST(HeadExchange, TellsAFailure) {
  Exchanging exchanging("x");
  exchanging.server.close();
  EXPECT_EQ(exchanging.go_on(), Status::broken);
  EXPECT_EQ(exchanging.exchange.complaint(), "Broken pipe");
}

}  // namespace
}  // namespace mod_ws::handler
