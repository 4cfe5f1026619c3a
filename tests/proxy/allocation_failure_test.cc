#include "tests/support/allocations.h"
#include "tests/support/failing_allocation.h"
#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using protocol::Role;

/// A relay, with both its ends here.
template <bool compresses>
class RelaySession {
 public:
  explicit RelaySession(engine::EventLoop& loop)
      : client_(base::UniqueFd()), backend_(base::UniqueFd()) {
    auto client_pair = tests::make_socket_pair();
    auto backend_pair = tests::make_socket_pair();
    client_ = tests::Peer(std::move(client_pair.theirs));
    backend_ = tests::Peer(std::move(backend_pair.theirs));
    loop.post_adoption(
        std::make_unique<Relay>(loop, transport::Transport(std::move(client_pair.ours)),
                                transport::Transport(std::move(backend_pair.ours)),
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
    client_.send_some(tests::traffic_of(Role::client), tests::patience);
    backend_.send_some(tests::traffic_of(Role::server), tests::patience);
    tests::expect_end(client_);
    tests::expect_end(backend_);
  }

  void expect_well() {
    client_.send(tests::frame({}, "hello"));
    const auto received = backend_.receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->opcode, protocol::Opcode::text);
  }

 private:
  static inline const connection::Policy policy_{};
  tests::Peer client_;
  tests::Peer backend_;
};

TEST(AllocationFailure, EndsItsRelayedSessionOnly) {
  tests::expect_each_failure_to_end_its_session_only<RelaySession<false>>();
}

TEST(AllocationFailure, EndsItsRelayedSessionOnlyWhenItCompresses) {
  tests::expect_each_failure_to_end_its_session_only<RelaySession<true>>();
}

}  // namespace
}  // namespace mod_ws::proxy
