#include "mod_ws/connection/connection.h"

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

TEST(Connection, HandsFramesToTheBackend) {
  SessionOnLoop session;
  session.peer.send(text_frame("Hello") + frame({.opcode = Opcode::ping}, "p"));
  ASSERT_TRUE(session.wait_for_frames(2));
  EXPECT_EQ(frames_of(session), (std::vector<tests::SeenFrame>{
                                    seen_text("Hello"), {Opcode::ping, true, 0, bytes_of("p")}}));
}

TEST(Connection, BeginsWithWhatWasReadAlready) {
  const Bytes all = text_frame("first") + text_frame("second");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(cut);
    SessionOnLoop session({.already_read = Bytes(all.begin(), middle)});
    session.peer.send(Bytes(middle, all.end()));
    ASSERT_TRUE(session.wait_for_frames(2)) << cut;
    EXPECT_EQ(frames_of(session), (std::vector{seen_text("first"), seen_text("second")})) << cut;
  }
}

TEST(Connection, KeepsPartialFramesAcrossReads) {
  SessionOnLoop session;
  const Bytes all = frame({.opcode = Opcode::ping}, tests::pattern(125)) + text_frame("Hello");
  for (std::size_t i = 0; i < all.size(); ++i) {
    session.peer.send({all[i]});
    const int turns = static_cast<int>(i);  // every byte is a read of its own
    ASSERT_TRUE(session.wait_until([&](RecordingSession& it) { return it.input_ends > turns; }));
  }
  ASSERT_TRUE(session.wait_for_frames(2));
  EXPECT_EQ(frames_of(session)[0].payload, tests::pattern(125));
  EXPECT_EQ(frames_of(session)[1], seen_text("Hello"));
}

TEST(Connection, ReadsFramesLargerThanItsBuffer) {
  SessionOnLoop session;
  const Bytes payload = tests::pattern(1'000'000);
  session.peer.send(frame({.opcode = Opcode::binary}, payload));
  ASSERT_TRUE(session.wait_for_frames(1));
  EXPECT_EQ(frames_of(session)[0].payload, payload);
}

TEST(Connection, KeepsWhatStandsBehindAPause) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    it.on_frame = [&it](const tests::SeenFrame&) { it.connection.pause_reading(); };
  });
  session.peer.send(text_frame("1") + text_frame("2") + text_frame("3"));
  ASSERT_TRUE(session.wait_for_frames(1));
  for (std::size_t count = 1; count < 3; ++count) {
    EXPECT_EQ(frames_of(session).size(), count);
    session.with([](RecordingSession& it) { it.connection.resume_reading(); });
    ASSERT_TRUE(session.wait_for_frames(count + 1));
  }
  session.with([](RecordingSession& it) { it.connection.resume_reading(); });
  session.peer.send(text_frame("4"));
  ASSERT_TRUE(session.wait_for_frames(4));
  EXPECT_EQ(frames_of(session),
            (std::vector{seen_text("1"), seen_text("2"), seen_text("3"), seen_text("4")}));
}

TEST(Connection, JoinsWhatWasKeptBehindAPauseWithWhatComesNext) {
  const Bytes second = text_frame("second");
  for (std::size_t cut = 0; cut <= second.size(); ++cut) {
    SessionOnLoop session;
    session.with([](RecordingSession& it) {
      it.on_frame = [&it](const tests::SeenFrame&) { it.connection.pause_reading(); };
    });
    const auto middle = second.begin() + static_cast<std::ptrdiff_t>(cut);
    session.peer.send(text_frame("first") + Bytes(second.begin(), middle));
    ASSERT_TRUE(session.wait_for_frames(1));
    session.with([](RecordingSession& it) { it.connection.resume_reading(); });
    session.peer.send(Bytes(middle, second.end()));
    ASSERT_TRUE(session.wait_for_frames(2)) << cut;
    EXPECT_EQ(frames_of(session)[1], seen_text("second")) << cut;
  }
}

TEST(Connection, ReadsNothingWhilePaused) {
  SessionOnLoop session({.buffer_bytes = 4096});
  session.with([](RecordingSession& it) { it.connection.pause_reading(); });
  const Bytes much = frame({.opcode = Opcode::binary}, tests::pattern(1 << 20));
  const std::size_t sent = session.peer.send_some(much, 100ms);
  EXPECT_LT(sent, 64U << 10) << "only the kernel's buffer takes something";
  EXPECT_EQ(frames_of(session).size(), 0U);
}

TEST(Connection, ReadsWhatCameBeforeThePeersEndOnceResumed) {
  for (const bool closes : {false, true}) {
    SCOPED_TRACE(closes ? "close" : "shutdown");
    SessionOnLoop session;
    session.with([](RecordingSession& it) { it.connection.pause_reading(); });
    session.peer.send(text_frame("last words"));
    closes ? session.peer.close() : session.peer.shutdown_write();
    session.with([](RecordingSession&) {});  // a turn, in which the loop sees the end
    session.with([](RecordingSession& it) { it.connection.resume_reading(); });
    EXPECT_EQ(session.wait_for_end(), Cause::peer_ended);
    EXPECT_EQ(frames_of(session), std::vector{seen_text("last words")});
  }
}

TEST(Connection, TellsThePeersEnd) {
  for (const bool closes : {false, true}) {
    SessionOnLoop session;
    session.peer.send(text_frame("last words"));
    closes ? session.peer.close() : session.peer.shutdown_write();
    EXPECT_EQ(session.wait_for_end(), Cause::peer_ended);
    EXPECT_EQ(frames_of(session), std::vector{seen_text("last words")});
    session.with([](RecordingSession& it) {
      EXPECT_TRUE(it.connection.ended());
      EXPECT_EQ(it.calls_after_end, 0);
    });
  }
}

TEST(Connection, DropsEverythingAfterAViolation) {
  SessionOnLoop session;
  session.peer.send(text_frame("good") + Bytes{0x83, 0x80, 0, 0, 0, 0} + text_frame("unseen"));
  ASSERT_TRUE(session.wait_until([](RecordingSession& it) { return !it.violations.empty(); }));
  session.peer.send(text_frame("unseen too") + Bytes{0x83, 0x80, 0, 0, 0, 0});
  session.peer.shutdown_write();
  EXPECT_EQ(session.wait_for_end(), Cause::peer_ended);
  session.with([](RecordingSession& it) {
    ASSERT_EQ(it.violations.size(), 1U);
    EXPECT_EQ(it.violations[0].code, CloseCode::protocol_error);
    EXPECT_EQ(it.frames, std::vector{seen_text("good")});
  });
}

TEST(Connection, SeesThePeersEndWhileDiscarding) {
  for (const bool paused_before : {false, true}) {
    SCOPED_TRACE(paused_before);
    SessionOnLoop session;
    session.with([&](RecordingSession& it) {
      if (paused_before) it.connection.pause_reading();
      it.connection.discard_input();
    });
    session.peer.send(text_frame("unseen"));
    session.peer.shutdown_write();
    EXPECT_EQ(session.wait_for_end(), Cause::peer_ended);
    EXPECT_TRUE(frames_of(session).empty());
  }
}

TEST(Connection, FinishWaitsForThePeersEnd) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    it.connection.send_close(CloseCode::normal_closure, "");
    it.connection.finish();
  });
  EXPECT_EQ(session.peer.receive(4), tests::close_frame(Role::server, 1000));
  EXPECT_TRUE(session.peer.receives_end());
  session.peer.send(text_frame("dropped"));
  session.with([](RecordingSession& it) { EXPECT_FALSE(it.ending); });
  session.peer.shutdown_write();
  EXPECT_EQ(session.wait_for_end(), Cause::finished);
  session.with([](RecordingSession& it) {
    EXPECT_TRUE(it.frames.empty());
    EXPECT_EQ(it.calls_after_end, 0);
  });
}

TEST(Connection, FinishSendsWhatIsQueuedFirst) {
  for (const bool peer_ends_first : {false, true}) {
    SCOPED_TRACE(peer_ends_first);
    SessionOnLoop session({.buffer_bytes = 4096});
    const Bytes payload = tests::pattern(300'000);
    session.with([&](RecordingSession& it) {
      it.connection.send_verbatim(frame({.sender = Role::server}, payload));
      it.connection.send_close(CloseCode::normal_closure, "");
      it.connection.finish();
      EXPECT_GT(it.connection.queued_bytes(), 0U);
    });
    if (peer_ends_first) {
      session.peer.shutdown_write();
      session.with([](RecordingSession&) {});
    }
    const auto large = session.peer.receive_frame();
    ASSERT_TRUE(large);
    EXPECT_EQ(large->payload, payload);
    const auto close = session.peer.receive_frame();
    ASSERT_TRUE(close);
    EXPECT_EQ(close->close_code(), 1000);
    EXPECT_TRUE(session.peer.receives_end());
    session.peer.close();
    EXPECT_EQ(session.wait_for_end(), Cause::finished);
    session.with([](RecordingSession& it) { EXPECT_EQ(it.drained, 0); });
  }
}

TEST(Connection, EndsAtTheCloseTimeout) {
  for (const bool finishes : {false, true}) {
    SessionOnLoop session({.policy = {.close_timeout = 50ms}});
    session.with([&](RecordingSession& it) {
      it.connection.send_close(CloseCode::normal_closure, "");
      if (finishes) it.connection.finish();
    });
    EXPECT_EQ(session.wait_for_end(), Cause::close_timeout);
    EXPECT_EQ(session.peer.receive(100), tests::close_frame(Role::server, 1000));
  }
}

void complete_closing_handshake(RecordingSession& session) {
  session.connection.send_close(CloseCode::normal_closure, "");
  session.connection.note_close_received();
  session.connection.finish();
}

TEST(Connection, LetsAServerEndTheTcpConnectionFirst) {
  SessionOnLoop session({.rules = {.role = Role::client}, .policy = {.close_timeout = 1h}});
  session.with(complete_closing_handshake);
  ASSERT_TRUE(session.peer.receive_frame());
  session.with([](RecordingSession& it) { EXPECT_FALSE(it.ending); });
  EXPECT_TRUE(session.peer.has_nothing());
  session.peer.shutdown_write();
  EXPECT_TRUE(session.peer.receives_end());
  EXPECT_EQ(session.wait_for_end(), Cause::finished);
}

TEST(Connection, EndsTheTcpConnectionItselfWhereAServerDoesNot) {
  SessionOnLoop session({.rules = {.role = Role::client}, .policy = {.close_timeout = 1h}});
  session.with(complete_closing_handshake);
  ASSERT_TRUE(session.peer.receive_frame());
  EXPECT_TRUE(session.peer.receives_end());
  session.peer.close();
  EXPECT_EQ(session.wait_for_end(), Cause::finished);
}

TEST(Connection, EndsTheTcpConnectionFirstAsAServer) {
  SessionOnLoop session({.policy = {.close_timeout = 1h}});
  session.with(complete_closing_handshake);
  ASSERT_TRUE(session.peer.receive_frame());
  session.with([](RecordingSession&) {});
  EXPECT_FALSE(session.peer.has_nothing());
  EXPECT_TRUE(session.peer.receives_end());
}

TEST(Connection, EndsTheTcpConnectionAtOnceWhereTheServerHas) {
  SessionOnLoop session({.rules = {.role = Role::client}, .policy = {.close_timeout = 1h}});
  session.with([](RecordingSession& it) { it.connection.pause_reading(); });
  session.peer.shutdown_write();
  session.with(complete_closing_handshake);
  ASSERT_TRUE(session.peer.receive_frame());
  EXPECT_EQ(session.wait_for_end(), Cause::finished);
}

TEST(Connection, LetsAServerTakeWhatIsQueuedAndEndFirst) {
  SessionOnLoop session(
      {.rules = {.role = Role::client}, .policy = {.close_timeout = 1h}, .buffer_bytes = 4096});
  const Bytes payload = tests::pattern(300'000);
  session.with([&](RecordingSession& it) {
    it.connection.send_frame(Opcode::binary, payload);
    complete_closing_handshake(it);
    EXPECT_GT(it.connection.queued_bytes(), 0U);
    it.connection.send_verbatim(bytes_of("too late"));
  });
  session.peer.shutdown_write();
  const auto large = session.peer.receive_frame();
  ASSERT_TRUE(large);
  EXPECT_EQ(large->payload, payload);
  ASSERT_TRUE(session.peer.receive_frame());
  EXPECT_TRUE(session.peer.receives_end());
  EXPECT_EQ(session.wait_for_end(), Cause::finished);
  session.with([](RecordingSession& it) { EXPECT_EQ(it.drained, 0); });
}

TEST(Connection, EndsAtTheWriteTimeout) {
  SessionOnLoop session({.policy = {.write_timeout = 50ms}, .buffer_bytes = 4096});
  session.with([](RecordingSession& it) { it.connection.send_verbatim(tests::pattern(300'000)); });
  EXPECT_EQ(session.wait_for_end(), Cause::write_timeout);
}

TEST(Connection, AbortEndsAtOnceAndSilently) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    it.connection.send_frame(Opcode::text, bytes_of("gathered, and dropped"));
    it.connection.abort();
    EXPECT_TRUE(it.connection.ended());
    it.connection.abort();
    it.connection.finish();
    it.connection.resume_reading();
    it.connection.send_verbatim(bytes_of("x"));
  });
  EXPECT_TRUE(session.peer.receives_end());
  session.with([](RecordingSession& it) { EXPECT_FALSE(it.ending); });
}

TEST(Connection, MayBeDestroyedBeforeItStarts) {
  tests::SocketPair pair = tests::make_socket_pair();
  engine::EventLoop loop({});
  tests::Peer peer(std::move(pair.theirs));
  { RecordingSession session(loop, transport::Transport(std::move(pair.ours)), {}, {}, {}, {}); }
  EXPECT_TRUE(peer.receives_end());
}

}  // namespace
}  // namespace mod_ws::connection
