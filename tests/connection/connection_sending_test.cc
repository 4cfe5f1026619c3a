#include <gtest/gtest.h>

#include "tests/support/recording_session.h"

namespace mod_ws::connection {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::bytes_of;
using tests::frame;
using tests::frames_of;
using tests::RecordingSession;
using tests::seen_text;
using tests::SessionOnLoop;
using tests::text_frame;
using tests::operator+;
using ws::CloseCode;
using Cause = Ending::Cause;

TEST(ConnectionSending, SendsFramesAsServer) {
  SessionOnLoop session;
  const Bytes large = tests::pattern(100'000);
  session.with([&](RecordingSession& it) {
    it.connection.send_frame(Opcode::text, bytes_of("Hel"), {.fin = false, .rsv = 0});
    it.connection.send_frame(Opcode::continuation, bytes_of("lo"));
    it.connection.send_frame(Opcode::binary, large);
    it.connection.send_frame(Opcode::binary, {});
  });
  const auto server = Role::server;
  const Bytes expected = frame({.sender = server, .opcode = Opcode::text, .fin = false}, "Hel") +
                         frame({.sender = server, .opcode = Opcode::continuation}, "lo") +
                         frame({.sender = server, .opcode = Opcode::binary}, large) +
                         frame({.sender = server, .opcode = Opcode::binary}, "");
  EXPECT_EQ(session.peer.receive(expected.size()), expected);
}

TEST(ConnectionSending, MasksAsClient) {
  SessionOnLoop session({.rules = {.role = Role::client}});
  const Bytes large = tests::pattern(100'000);
  session.with([&](RecordingSession& it) {
    it.connection.send_frame(Opcode::text, bytes_of("Hello"));
    it.connection.send_frame(Opcode::binary, large);
    it.connection.send_frame(Opcode::text, bytes_of("Hello"));
  });
  const auto first = session.peer.receive_frame();
  const auto second = session.peer.receive_frame();
  const auto third = session.peer.receive(11);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->masked && second->masked);
  EXPECT_EQ(first->text(), "Hello");
  EXPECT_EQ(second->payload, large);
  ASSERT_EQ(third.size(), 11U);
  EXPECT_EQ(third[1], 0x85);
  EXPECT_NE(Bytes(third.begin() + 2, third.begin() + 6), (Bytes{0, 0, 0, 0}));
  session.peer.send(frame({.sender = Role::server}, "back"));
  ASSERT_TRUE(session.wait_for_frames(1));
  EXPECT_EQ(frames_of(session)[0], seen_text("back"));
}

TEST(ConnectionSending, KeepsTheOrderOfFramesAndVerbatimBytes) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    it.connection.send_frame(Opcode::text, bytes_of("1"));
    it.connection.send_verbatim(text_frame("2"));
    it.connection.send_frame(Opcode::text, bytes_of("3"));
  });
  for (const char* const text : {"1", "2", "3"}) {
    const auto received = session.peer.receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->text(), text);
  }
}

TEST(ConnectionSending, QueuesWhatThePeerDoesNotTakeAndTellsWhenDrained) {
  SessionOnLoop session({.buffer_bytes = 4096});
  const Bytes payload = tests::pattern(500'000);
  session.with([&](RecordingSession& it) {
    it.connection.send_verbatim(frame({.sender = Role::server}, payload));
    EXPECT_GT(it.connection.queued_bytes(), 300'000U);
    it.connection.send_frame(Opcode::text, bytes_of("after"));
    EXPECT_EQ(it.drained, 0);
  });
  const auto large = session.peer.receive_frame();
  ASSERT_TRUE(large);
  EXPECT_EQ(large->payload, payload);
  const auto after = session.peer.receive_frame();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->text(), "after");
  ASSERT_TRUE(session.wait_until([](RecordingSession& it) { return it.drained > 0; }));
  session.with([](RecordingSession& it) {
    EXPECT_EQ(it.drained, 1);
    EXPECT_EQ(it.connection.queued_bytes(), 0U);
  });
}

TEST(ConnectionSending, SendsNothingPastItsQueue) {
  SessionOnLoop session({.buffer_bytes = 4096});
  const Bytes all = frame({.sender = Role::server}, tests::pattern(500'000));
  const Bytes begin = session.with([&](RecordingSession& it) {
    it.connection.send_verbatim(all);
    // The kernel has room again, and the loop does not know.
    Bytes taken = session.peer.receive(all.size() - it.connection.queued_bytes());
    it.connection.send_frame(Opcode::text, bytes_of("after"));
    return taken;
  });
  EXPECT_TRUE(begin + session.peer.receive(all.size() - begin.size()) == all);
  const auto after = session.peer.receive_frame();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->text(), "after");
}

TEST(ConnectionSending, SendsOneCloseFrameAndNothingAfterIt) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    it.connection.send_close(CloseCode::going_away, "bye");
    it.connection.send_close(CloseCode::normal_closure, "again");
    it.connection.send_frame(Opcode::text, bytes_of("late"));
    EXPECT_TRUE(it.connection.closing().sent());
    it.connection.finish();
  });
  const Bytes expected = tests::close_frame(Role::server, 1001, "bye");
  EXPECT_EQ(session.peer.receive(expected.size() + 1), expected);
}

TEST(ConnectionSending, SendsAnEmptyCloseForCodesThatAreNeverSent) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    it.connection.send_close(CloseCode::no_status_received, "unsaid");
    it.connection.finish();
  });
  EXPECT_EQ(session.peer.receive(10), (Bytes{0x88, 0x00}));
}

TEST(ConnectionSending, EndsWhereAPeerHasGoneThatHasNotTakenAll) {
  SessionOnLoop session({.policy = {.write_timeout = 1h}, .buffer_bytes = 4096});
  session.with([](RecordingSession& it) {
    it.connection.pause_reading();
    it.connection.send_verbatim(tests::pattern(300'000));
    EXPECT_GT(it.connection.queued_bytes(), 0U);
  });
  ::shutdown(session.peer.fd(), SHUT_RDWR);  // it still has what was sent: nothing more can be
  EXPECT_EQ(session.wait_for_end(), Cause::failed);
}

TEST(ConnectionSending, TellsFailedWrites) {
  SessionOnLoop session;
  session.with([&](RecordingSession& it) {
    it.connection.pause_reading();
    session.peer.close();
    it.connection.send_verbatim(bytes_of("nobody reads this"));
    EXPECT_FALSE(it.ending) << "not from inside a call of the backend's";
  });
  EXPECT_EQ(session.wait_for_end(), Cause::failed);
}
}  // namespace
}  // namespace mod_ws::connection
