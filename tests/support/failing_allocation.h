#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/permessage_deflate.h"
#include "mod_ws/transport/transport.h"
#include "tests/support/allocation_counts.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/tls_pair.h"
#include "tests/support/tls_speaker.h"

namespace mod_ws::tests {

/// What a session has besides frames.
enum class Extra : std::uint8_t { none, compression, tls };

inline Bytes compressed_message(protocol::Role sender) {
  protocol::ZlibPool pool;
  Bytes payload;
  protocol::Deflater(pool, protocol::max_window_bits, false, {})
      .deflate(bytes_of(std::string(20'000, 'c')), true, payload);
  return frame({.sender = sender, .rsv = protocol::rsv1_bit}, payload);
}

/// A compressed message where there are any; text in two fragments with a ping between them, a
/// large binary message, and the Close frame.
inline Bytes traffic_of(protocol::Role sender, Extra extra) {
  using protocol::Opcode;
  return (extra == Extra::compression ? compressed_message(sender) : Bytes()) +
         frame({.sender = sender, .opcode = Opcode::text, .fin = false}, std::string(9'000, 'a')) +
         frame({.sender = sender, .opcode = Opcode::ping}, "between") +
         frame({.sender = sender, .opcode = Opcode::continuation}, "the last fragment") +
         frame({.sender = sender, .opcode = Opcode::binary}, pattern(30'000)) +
         close_frame(sender, 1000);
}

/// A session's side of a connection, and the peer of it.
struct Ends {
  explicit Ends(Extra extra) : Ends(extra == Extra::tls ? with_tls() : plain()) {}

  transport::Transport ours;
  Peer peer;
  std::unique_ptr<TlsSpeaker> speaker;

 private:
  Ends(transport::Transport transport, base::UniqueFd socket,
       std::unique_ptr<TlsSpeaker> tls_speaker = nullptr)
      : ours(std::move(transport)), peer(std::move(socket)), speaker(std::move(tls_speaker)) {}

  static Ends plain() {
    SocketPair pair = make_socket_pair();
    return {transport::Transport(std::move(pair.ours)), std::move(pair.theirs)};
  }
  static Ends with_tls() {
    TlsPair tls;
    SocketPair pair = make_socket_pair();
    return {std::move(*tls.server), std::move(pair.theirs),
            std::make_unique<TlsSpeaker>(std::move(*tls.client), std::move(pair.ours))};
  }
};

/// Its connection ends, whatever comes before.
inline void expect_end(Peer& peer) {
  while (peer.receive_frame()) {
  }
  EXPECT_TRUE(peer.receives_end());
  peer.close();
}

/// Lets allocations of a loop's thread fail while a session begins, talks and ends; whether it
/// came to that. `Session` has a constructor that puts it on the loop, talk() which takes it to its
/// end, and expect_well() which sees that nothing has happened to it.
template <class Session>
bool meets_failure(std::size_t first, std::size_t count) {
  SCOPED_TRACE(std::to_string(count) + " from " + std::to_string(first) + " on");
  LoopThread thread;
  Session bystander(thread.loop());
  bystander.expect_well();
  thread.call([=] { fail_allocations(first, count); });
  Session session(thread.loop());
  session.talk();
  const bool has_failed = thread.call(have_allocations_failed);
  bystander.expect_well();
  EXPECT_TRUE(thread.wait_until([&] { return thread.loop().resident_count() == 1; }));
  thread.stop();
  return has_failed;
}

/// Each of them in turn, as many as there are; alone, and with some of those after it.
template <class Session>
void expect_each_failure_to_end_its_session_only() {
  for (const std::size_t count : {1, 2, 5}) {
    std::size_t first = 1;
    while (meets_failure<Session>(first, count) && !testing::Test::HasFailure()) ++first;
    EXPECT_GT(first, 2U);
  }
}

}  // namespace mod_ws::tests
