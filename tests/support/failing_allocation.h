#pragma once

#include <gtest/gtest.h>

#include "tests/support/allocation_counts.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

/// Text in two fragments with a ping between them, a large binary message, and the Close frame.
inline Bytes traffic_of(protocol::Role sender) {
  using protocol::Opcode;
  return frame({.sender = sender, .opcode = Opcode::text, .fin = false}, std::string(9'000, 'a')) +
         frame({.sender = sender, .opcode = Opcode::ping}, "between") +
         frame({.sender = sender, .opcode = Opcode::continuation}, "the last fragment") +
         frame({.sender = sender, .opcode = Opcode::binary}, pattern(30'000)) +
         close_frame(sender, 1000);
}

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
