#include "mod_ws/proxy/leg.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using namespace std::chrono_literals;
using connection::Policy;
using connection::SendQueue;
using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::close_frame;
using tests::frame;
using tests::Peer;
using tests::RelayOnLoop;
using tests::operator+;

constexpr tests::FrameStart from_backend{.sender = Role::server};

void expect_close(Peer& peer, int code) {
  const auto received = peer.receive_frame();
  ASSERT_TRUE(received) << "the end instead of close " << code;
  EXPECT_EQ(received->opcode, Opcode::close);
  EXPECT_EQ(received->close_code(), code);
}

Policy with_queue(SendQueue::Action action) {
  return {.write_timeout = 60s, .send_queue = {.action = action, .limit_bytes = 20'000}};
}

// ---- limits, each side for itself

TEST(Leg, ClosesTheOffenderWith1009AndTheOtherWith1001) {
  const Bytes message =
      frame({.fin = false}, "12345") + frame({.opcode = Opcode::continuation, .fin = true}, "678");
  for (const protocol::FrameLimits& limits :
       {protocol::FrameLimits{.max_message_bytes = 7}, protocol::FrameLimits{.max_frame_bytes = 4},
        protocol::FrameLimits{.max_fragments = 1}}) {
    RelayOnLoop relay({.policy = {.client_limits = limits}});
    relay.client.send(message);
    expect_close(relay.client, 1009);
    EXPECT_TRUE(relay.client.receives_end());
    while (const auto received = relay.backend.receive_frame()) {
      if (received->opcode != Opcode::close) continue;
      EXPECT_EQ(received->close_code(), 1001);
      break;
    }
  }
}

TEST(Leg, HasLimitsOfItsOwn) {
  RelayOnLoop relay({.policy = {.client_limits = {.max_message_bytes = 4},
                                .backend_limits = {.max_message_bytes = 8}}});
  const Bytes fits = frame(from_backend, "12345678");
  relay.backend.send(fits);
  EXPECT_EQ(relay.client.receive(fits.size()), fits);
  relay.backend.send(frame(from_backend, "123456789"));
  expect_close(relay.backend, 1009);
  expect_close(relay.client, 1001);
}

// ---- pings

TEST(Leg, PingsBothSidesAndKeepsTheAnswers) {
  RelayOnLoop relay({.policy = {.ping_interval = 20ms}});
  for (Peer* const peer : {&relay.client, &relay.backend}) {
    const auto ping = peer->receive_frame();
    ASSERT_TRUE(ping);
    ASSERT_EQ(ping->opcode, Opcode::ping);
    const Role sender = peer == &relay.client ? Role::client : Role::server;
    peer->send(frame({.sender = sender, .opcode = Opcode::pong}, ping->payload) +
               frame({.sender = sender, .opcode = Opcode::pong}, "unasked"));
  }
  for (Peer* const peer : {&relay.client, &relay.backend}) {
    auto received = peer->receive_frame();
    while (received && received->opcode == Opcode::ping) received = peer->receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->opcode, Opcode::pong);
    EXPECT_EQ(received->text(), "unasked");
  }
}

TEST(Leg, ADeadPeerIsLostForTheOther) {
  for (const bool client_is_dead : {true, false}) {
    RelayOnLoop relay({.policy = {.ping_interval = 20ms, .pong_timeout = 100ms}});
    Peer& alive = client_is_dead ? relay.backend : relay.client;
    auto received = alive.receive_frame();
    while (received && received->opcode == Opcode::ping) {
      alive.send(
          frame({.sender = client_is_dead ? Role::server : Role::client, .opcode = Opcode::pong},
                received->payload));
      received = alive.receive_frame();
    }
    ASSERT_TRUE(received);
    EXPECT_EQ(received->close_code(), client_is_dead ? 1001 : 1014);
  }
}

TEST(Leg, PingsNobodyInTheMiddleOfAFrame) {
  RelayOnLoop relay({.policy = {.ping_interval = 20ms, .pong_timeout = 60s}});
  const Bytes whole = frame(from_backend, "a frame in two halves");
  const auto middle = whole.begin() + 8;
  relay.backend.send(Bytes(whole.begin(), middle));
  EXPECT_EQ(relay.client.receive(8), Bytes(whole.begin(), middle));
  // The backend's leg is pinged meanwhile, and the client's is not.
  ASSERT_TRUE(relay.backend.receive_frame());
  relay.backend.send(Bytes(middle, whole.end()));
  EXPECT_EQ(relay.client.receive(whole.size() - 8), Bytes(middle, whole.end()));
  const auto ping = relay.client.receive_frame();
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->opcode, Opcode::ping);
}

TEST(Leg, AnswersPingsBehindTheFrameUnderWayToTheirSender) {
  RelayOnLoop relay({.policy = {.ping_interval = 0ms, .max_lifetime = 50ms}});
  const Bytes whole = frame(from_backend, "a frame in two halves");
  const auto middle = whole.begin() + 8;
  relay.backend.send(Bytes(whole.begin(), middle));
  EXPECT_EQ(relay.client.receive(8), Bytes(whole.begin(), middle));
  expect_close(relay.backend, 1001);  // to whom nothing can be sent on any more
  relay.client.send(frame({.opcode = Opcode::ping}, "first"));
  relay.client.send(frame({.opcode = Opcode::ping}, "last"));
  relay.backend.send(Bytes(middle, whole.end()));
  EXPECT_EQ(relay.client.receive(whole.size() - 8), Bytes(middle, whole.end()));
  // The pings may have come before the frame's end or behind it; the last one is answered.
  auto received = relay.client.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->opcode, Opcode::pong);
  if (received->text() == "first") received = relay.client.receive_frame();
  EXPECT_EQ(received->text(), "last");
  expect_close(relay.client, 1001);
}

TEST(Leg, ClosesBothWith1001WhenIdleOrOld) {
  for (const Policy& policy : {Policy{.ping_interval = 0ms, .idle_timeout = 50ms},
                               Policy{.ping_interval = 0ms, .max_lifetime = 50ms}}) {
    RelayOnLoop relay({.policy = policy});
    expect_close(relay.client, 1001);
    expect_close(relay.backend, 1001);
    relay.client.send(close_frame(Role::client, 1001));
    relay.backend.send(close_frame(Role::server, 1001));
    EXPECT_TRUE(relay.client.receives_end());
    EXPECT_TRUE(relay.backend.receives_end());
  }
}

TEST(Leg, AnswersAPingItselfOnceTheOtherIsGone) {
  RelayOnLoop relay;
  relay.backend.close();
  expect_close(relay.client, 1014);
  relay.client.send(frame({.opcode = Opcode::ping}, "still there?"));
  const auto pong = relay.client.receive_frame();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, Opcode::pong);
  EXPECT_EQ(pong->text(), "still there?");
}

// ---- slow peers

TEST(Leg, ClosesAPeerThatLetsTooMuchWait) {
  RelayOnLoop relay({.policy = with_queue(SendQueue::Action::close), .buffer_bytes = 4096});
  const Bytes message = frame(from_backend, tests::pattern(1000));
  for (int i = 0; i < 200; ++i) relay.backend.send(message);
  expect_close(relay.backend, 1001);
  auto last = relay.client.receive_frame();
  while (last && last->opcode != Opcode::close) last = relay.client.receive_frame();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->close_code(), 1008);
}

TEST(Leg, LeavesWholeMessagesOutForASlowPeer) {
  RelayOnLoop relay({.policy = with_queue(SendQueue::Action::drop), .buffer_bytes = 4096});
  constexpr std::size_t count = 500;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string text = std::to_string(i) + std::string(500, ' ');
    const std::string end(500, '.');
    relay.backend.send(frame({.sender = Role::server, .fin = false}, text) +
                       frame({.sender = Role::server, .opcode = Opcode::continuation}, end));
  }
  relay.backend.send(frame({.sender = Role::server, .opcode = Opcode::ping}, "end"));
  std::size_t received = 0;
  int last_number = -1;
  while (auto begin = relay.client.receive_frame()) {
    if (begin->opcode == Opcode::ping) break;
    const int number = std::stoi(begin->text());
    EXPECT_GT(number, last_number);
    last_number = number;
    const auto end = relay.client.receive_frame();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->opcode, Opcode::continuation);
    ++received;
  }
  EXPECT_GT(received, 10U);
  EXPECT_LT(received, count);
}

}  // namespace
}  // namespace mod_ws::proxy
