#include "tests/support/allocations.h"
#include "tests/support/failing_allocation.h"
#include "tests/support/failing_openssl.h"
#include "tests/support/failing_zlib.h"
#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using protocol::Role;
using tests::Extra;

/// A relay, with both its ends here.
template <Extra extra>
class RelaySession {
 public:
  explicit RelaySession(engine::EventLoop& loop) : client_(extra), backend_(extra) {
    constexpr bool compresses = extra == Extra::compression;
    loop.post_adoption(
        std::make_unique<Relay>(loop, std::move(client_.ours), std::move(backend_.ours),
                                RelayTerms{.policy = policy_,
                                           .client_compression = tests::terms_if(compresses),
                                           .backend_compression = tests::terms_if(compresses),
                                           .worker = "ws://backend",
                                           .client = "192.0.2.7:51522",
                                           .uri = "/chat",
                                           .already_read_client = {},
                                           .already_read_backend = {}}));
  }

  void talk() {
    client_.peer.send_some(tests::traffic_of(Role::client, extra), tests::patience);
    backend_.peer.send_some(tests::traffic_of(Role::server, extra), tests::patience);
    backend_.peer.shutdown_write();  // as a server does behind its Close frame
    tests::expect_end(client_.peer);
    tests::expect_end(backend_.peer);
  }

  void expect_well() {
    client_.peer.send(tests::frame({}, "hello"));
    const auto received = backend_.peer.receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->opcode, protocol::Opcode::text);
  }

 private:
  static inline const connection::Policy policy_{};
  tests::Ends client_;
  tests::Ends backend_;
};

TEST(AllocationFailure, EndsItsRelayedSessionOnly) {
  tests::expect_each_failure_to_end_its_session_only<RelaySession<Extra::none>>();
}

TEST(AllocationFailure, EndsItsRelayedSessionOnlyWhenItCompresses) {
  tests::expect_each_failure_to_end_its_session_only<RelaySession<Extra::compression>>();
}

TEST(AllocationFailure, EndsItsRelayedSessionOnlyWhenItHasTls) {
  ASSERT_TRUE(tests::openssl_memory_fails);
  tests::expect_each_failure_to_end_its_session_only<RelaySession<Extra::tls>>();
}

}  // namespace
}  // namespace mod_ws::proxy
