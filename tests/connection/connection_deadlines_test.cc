#include <gtest/gtest.h>

#include "tests/support/recording_session.h"

namespace mod_ws::connection {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using tests::Bytes;
using tests::bytes_of;
using tests::frame;
using tests::RecordingSession;
using tests::SessionOnLoop;
using tests::operator+;
using Cause = Ending::Cause;

Policy quick_pings() {
  Policy policy;
  policy.ping_interval = 20ms;
  policy.pong_timeout = 50ms;
  return policy;
}

/// Does what a backend does that may always send.
void ping_when_due(SessionOnLoop& session) {
  session.with([](RecordingSession& it) {
    it.on_due_call = [&it](Due due) {
      if (due == Due::ping) it.connection.ping();
    };
  });
}

TEST(ConnectionDeadlines, PingsASilentPeerAndGivesItUp) {
  SessionOnLoop session({.policy = quick_pings()});
  ping_when_due(session);
  const auto ping = session.peer.receive_frame();
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->opcode, Opcode::ping);
  EXPECT_EQ(session.wait_for_end(), Cause::pong_timeout);
}

TEST(ConnectionDeadlines, GoesOnWithAPeerThatAnswersPings) {
  SessionOnLoop session({.policy = quick_pings()});
  ping_when_due(session);
  for (int i = 0; i < 10; ++i) {
    const auto ping = session.peer.receive_frame();
    ASSERT_TRUE(ping) << i;
    session.peer.send(frame({.opcode = Opcode::pong}, ping->payload));
    ASSERT_TRUE(session.wait_for_frames(static_cast<std::size_t>(i) + 1));
  }
  session.with([](RecordingSession& it) { EXPECT_FALSE(it.ending); });
}

TEST(ConnectionDeadlines, PingsAtTheIntervalWhateverThePongTimeoutIs) {
  SessionOnLoop session({.policy = {.ping_interval = 20ms, .pong_timeout = 60s}});
  ping_when_due(session);
  for (int i = 0; i < 3; ++i) {
    const auto ping = session.peer.receive_frame();
    ASSERT_TRUE(ping) << i;
    session.peer.send(frame({.opcode = Opcode::pong}, ping->payload));
  }
}

TEST(ConnectionDeadlines, KnowsTheAnswersToItsOwnPings) {
  SessionOnLoop session({.policy = {.ping_interval = 0ms}});
  std::vector<bool> own;
  session.with([&](RecordingSession& it) {
    it.on_raw_piece = [&](const protocol::FramePiece& piece) {
      own.push_back(it.connection.is_own_pong(piece));
    };
    it.connection.ping();
  });
  const auto ping = session.peer.receive_frame();
  ASSERT_TRUE(ping);
  session.peer.send(frame({.opcode = Opcode::pong}, ping->payload) +
                    frame({.opcode = Opcode::pong}, "else") + frame({.opcode = Opcode::pong}, "") +
                    frame({.opcode = Opcode::ping}, ping->payload) +
                    frame({.opcode = Opcode::pong}, ping->payload));
  ASSERT_TRUE(session.wait_for_frames(5));
  EXPECT_EQ(own, (std::vector{true, false, false, false, true}));
}

TEST(ConnectionDeadlines, GivesNoPeerUpWhileItIsNotReadFrom) {
  SessionOnLoop session({.policy = quick_pings()});
  ping_when_due(session);
  session.with([](RecordingSession& it) { it.connection.pause_reading(); });
  // A second ping comes only where the first one's timeout has been put off.
  for (int i = 0; i < 3; ++i) {
    const auto ping = session.peer.receive_frame();
    ASSERT_TRUE(ping) << i;
    EXPECT_EQ(ping->opcode, Opcode::ping);
  }
  session.with([](RecordingSession& it) { EXPECT_FALSE(it.ending); });
}

TEST(ConnectionDeadlines, TellsOfIdlenessAndOfALifetimesEnd) {
  for (const auto& [given_policy, given_due] :
       {std::pair{Policy{.ping_interval = 0ms, .idle_timeout = 30ms}, Due::idle_timeout},
        std::pair{Policy{.ping_interval = 0ms, .max_lifetime = 30ms}, Due::lifetime}}) {
    const Policy& policy = given_policy;
    const Due due = given_due;
    SessionOnLoop session({.policy = policy});
    session.with([](RecordingSession& it) {
      it.on_due_call = [&it](Due) { it.connection.send_close(ws::CloseCode::going_away, ""); };
    });
    ASSERT_TRUE(session.wait_until([](RecordingSession& it) { return !it.dues.empty(); }));
    session.with([&](RecordingSession& it) { EXPECT_EQ(it.dues, std::vector{due}); });
  }
}

TEST(ConnectionDeadlines, ReadsNoFasterThanTheRateLimit) {
  Policy policy;
  policy.rate_limit = {.messages_per_second = 50, .burst = 40ms};
  SessionOnLoop session({.policy = policy});
  Bytes messages;
  for (int i = 0; i < 12; ++i) messages = messages + frame({}, "m");
  const auto start = std::chrono::steady_clock::now();
  session.peer.send(messages);
  ASSERT_TRUE(session.wait_for_frames(12));
  // Three at once, the last one beyond the burst; and nine that wait 20 ms each.
  EXPECT_GE(std::chrono::steady_clock::now() - start, 180ms);
  session.with([](RecordingSession& it) { EXPECT_TRUE(it.violations.empty()); });
}

TEST(ConnectionDeadlines, ClosesWith1008BeyondTheRateLimitWhereThatIsAskedFor) {
  Policy policy;
  policy.rate_limit = {
      .bytes_per_second = 1000, .burst = 100ms, .action = RateLimit::Action::close};
  SessionOnLoop session({.policy = policy});
  session.peer.send(frame({}, std::string(50, 'a')));
  ASSERT_TRUE(session.wait_for_frames(1));
  session.peer.send(frame({}, std::string(90, 'a')) + frame({}, "unseen"));
  ASSERT_TRUE(session.wait_until([](RecordingSession& it) { return !it.violations.empty(); }));
  session.with([](RecordingSession& it) {
    EXPECT_EQ(it.violations[0].code, ws::CloseCode::policy_violation);
    EXPECT_EQ(it.whole_frames, 2U);
  });
}

}  // namespace
}  // namespace mod_ws::connection
