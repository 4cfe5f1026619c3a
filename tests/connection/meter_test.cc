// What a connection counts, and what it tells of its frames.

#include "mod_ws/connection/meter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/recording_session.h"

namespace mod_ws::connection {
namespace {

using protocol::Opcode;
using protocol::Role;
using tests::bytes_of;
using tests::frame;
using tests::RecordingSession;
using tests::SessionOnLoop;
using tests::operator+;

TEST(Meter, CountsWhatComesInFrames) {
  SessionOnLoop session;
  session.peer.send(frame({.opcode = Opcode::text, .fin = false}, "Hel") +
                    frame({.opcode = Opcode::continuation}, "lo") +
                    frame({.opcode = Opcode::ping}, "?") +
                    frame({.opcode = Opcode::binary}, "whole"));
  ASSERT_TRUE(session.wait_for_frames(4));
  session.with([](RecordingSession& it) {
    EXPECT_EQ(it.traffic.received_messages, 2U);
    EXPECT_EQ(it.traffic.received_bytes, 4 * 6 + 3 + 2 + 1 + 5U);
    EXPECT_EQ(it.tally.client.received_messages.value(), 2U);
    EXPECT_EQ(it.tally.client.received_bytes.value(), it.traffic.received_bytes);
    EXPECT_EQ(it.tally.client.received_pings.value(), 1U);
    EXPECT_EQ(it.tally.backend.received_bytes.value(), 0U);
  });
}

TEST(Meter, CountsWhatIsSentInFrames) {
  SessionOnLoop session({.rules = {.role = Role::client}});
  session.with([](RecordingSession& it) {
    it.connection.send_frame(Opcode::text, bytes_of("Hel"), {.fin = false});
    it.connection.send_frame(Opcode::continuation, bytes_of("lo"));
    it.connection.send_frame(Opcode::ping, bytes_of("?"));
  });
  EXPECT_EQ(session.peer.receive(3 * 6 + 6).size(), 24U);
  session.with([](RecordingSession& it) {
    EXPECT_EQ(it.traffic.sent_messages, 1U);
    EXPECT_EQ(it.traffic.sent_bytes, 24U);
    EXPECT_EQ(it.tally.backend.sent_messages.value(), 1U) << "a client's peer is the backend";
    EXPECT_EQ(it.tally.backend.sent_pings.value(), 1U);
    EXPECT_EQ(it.tally.client.sent_bytes.value(), 0U);
  });
}

TEST(Meter, KnowsWhatWaitsForAPeer) {
  SessionOnLoop session({.buffer_bytes = 4096});
  const auto pattern = tests::pattern(300'000);
  session.with([&](RecordingSession& it) {
    it.connection.send_verbatim(pattern);
    EXPECT_GT(it.tally.client.queued_bytes.value(), 0U);
    EXPECT_EQ(it.tally.client.queued_bytes.value(), it.connection.queued_bytes());
  });
  EXPECT_EQ(session.peer.receive(pattern.size()).size(), pattern.size());
  EXPECT_TRUE(session.wait_until(
      [](RecordingSession& it) { return it.tally.client.queued_bytes.value() == 0; }));
}

TEST(Meter, LetsGoOfWhatWillNeverBeSent) {
  SessionOnLoop session({.buffer_bytes = 4096});
  session.with([&](RecordingSession& it) {
    it.connection.send_verbatim(tests::pattern(300'000));
    EXPECT_GT(it.tally.client.queued_bytes.value(), 0U);
    it.connection.abort();
    EXPECT_EQ(it.tally.client.queued_bytes.value(), 0U);
  });
}

TEST(FrameTrace, ShowsFramesWithoutTheirPayload) {
  SessionOnLoop session({.policy = {.traces_frames = true}});
  session.peer.send(frame({.opcode = Opcode::text, .fin = false}, "secret"));
  ASSERT_TRUE(session.wait_for_frames(1));
  session.with([](RecordingSession& it) {
    it.connection.send_frame(Opcode::binary, bytes_of("secret too"));
    EXPECT_EQ(it.traces,
              (std::vector<std::string>{"received text, 6 bytes", "sent binary fin, 10 bytes"}));
  });
}

TEST(FrameTrace, IsSilentUnlessItIsAskedFor) {
  SessionOnLoop session;
  session.peer.send(frame({.opcode = Opcode::text}, "x"));
  ASSERT_TRUE(session.wait_for_frames(1));
  session.with([](RecordingSession& it) { EXPECT_TRUE(it.traces.empty()); });
}

}  // namespace
}  // namespace mod_ws::connection
