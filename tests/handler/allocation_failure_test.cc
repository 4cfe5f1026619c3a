#include "tests/support/failing_allocation.h"
#include "tests/support/failing_openssl.h"
#include "tests/support/failing_zlib.h"
#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using protocol::Role;
using tests::Extra;

ws::Task<> echo(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
}

/// An echo, with a client here.
template <Extra extra>
class EchoSession {
 public:
  explicit EchoSession(engine::EventLoop& loop) : client_(extra) {
    ws::detail::runtime = &runtime();
    policy_.validates_messages = true;
    HandlerTerms terms{.handler = echo,
                       .policy = policy_,
                       .uri = "/echo",
                       .remote_address = "192.0.2.7:51522",
                       .user = {},
                       .subprotocol = {},
                       .already_read = {}};
    if (extra == Extra::compression) terms.compression = tests::agreed_compression(true);
    loop.post_adoption(
        std::make_unique<HandlerSession>(loop, std::move(client_.ours), std::move(terms)));
  }

  void talk() {
    client_.peer.send_some(tests::traffic_of(Role::client, extra), tests::patience);
    tests::expect_end(client_.peer);
  }

  void expect_well() {
    client_.peer.send(tests::frame({}, "hello"));
    const auto received = client_.peer.receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->opcode, protocol::Opcode::text);
  }

 private:
  static inline connection::Policy policy_{};
  tests::Ends client_;
};

TEST(AllocationFailure, EndsItsHandlersSessionOnly) {
  tests::expect_each_failure_to_end_its_session_only<EchoSession<Extra::none>>();
}

TEST(AllocationFailure, EndsItsHandlersSessionOnlyWhenItCompresses) {
  tests::expect_each_failure_to_end_its_session_only<EchoSession<Extra::compression>>();
}

TEST(AllocationFailure, EndsItsHandlersSessionOnlyWhenItHasTls) {
  ASSERT_TRUE(tests::openssl_memory_fails);
  tests::expect_each_failure_to_end_its_session_only<EchoSession<Extra::tls>>();
}

}  // namespace
}  // namespace mod_ws::handler
