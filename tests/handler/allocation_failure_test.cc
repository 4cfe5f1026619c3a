#include "tests/support/failing_allocation.h"
#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using protocol::Role;

ws::Task<> echo(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
}

/// An echo, with a client here.
template <bool compresses>
class EchoSession {
 public:
  explicit EchoSession(engine::EventLoop& loop) : client_(base::UniqueFd()) {
    ws::detail::runtime = &runtime();
    policy_.validates_messages = true;
    auto pair = tests::make_socket_pair();
    client_ = tests::Peer(std::move(pair.theirs));
    HandlerTerms terms{.handler = echo,
                       .policy = policy_,
                       .uri = "/echo",
                       .remote_address = "192.0.2.7:51522",
                       .user = {},
                       .subprotocol = {},
                       .already_read = {}};
    if (compresses) terms.compression = tests::agreed_compression(true);
    loop.post_adoption(std::make_unique<HandlerSession>(
        loop, transport::Transport(std::move(pair.ours)), std::move(terms)));
  }

  void talk() {
    client_.send_some(tests::traffic_of(Role::client), tests::patience);
    tests::expect_end(client_);
  }

  void expect_well() {
    client_.send(tests::frame({}, "hello"));
    const auto received = client_.receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->opcode, protocol::Opcode::text);
  }

 private:
  static inline connection::Policy policy_{};
  tests::Peer client_;
};

TEST(AllocationFailure, EndsItsHandlersSessionOnly) {
  tests::expect_each_failure_to_end_its_session_only<EchoSession<false>>();
}

TEST(AllocationFailure, EndsItsHandlersSessionOnlyWhenItCompresses) {
  tests::expect_each_failure_to_end_its_session_only<EchoSession<true>>();
}

}  // namespace
}  // namespace mod_ws::handler
