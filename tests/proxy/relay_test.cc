#include "mod_ws/proxy/relay.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::bytes_of;
using tests::close_frame;
using tests::frame;
using tests::FrameStart;
using tests::Peer;
using tests::RelayOnLoop;
using tests::operator+;

constexpr FrameStart from_client{};
constexpr FrameStart from_backend{.sender = Role::server};
constexpr FrameStart binary_from_client{.opcode = Opcode::binary};
constexpr FrameStart binary_from_backend{.sender = Role::server, .opcode = Opcode::binary};
const Bytes reserved_opcode_from_client{0x83, 0x80, 0, 0, 0, 0};

void expect_close(Peer& peer, int code, bool masked) {
  const auto received = peer.receive_frame();
  ASSERT_TRUE(received) << "the end came instead of Close " << code;
  EXPECT_EQ(received->opcode, Opcode::close);
  EXPECT_EQ(received->close_code(), code);
  EXPECT_EQ(received->masked, masked);
}

void expect_client_gets_close(RelayOnLoop& relay, int code) {
  expect_close(relay.client, code, false);
}
void expect_backend_gets_close(RelayOnLoop& relay, int code) {
  expect_close(relay.backend, code, true);
}

TEST(Relay, ForwardsFramesVerbatim) {
  RelayOnLoop relay;
  const Bytes up = frame(from_client, "Hello") + frame({.opcode = Opcode::ping}, "p") +
                   frame({.opcode = Opcode::text, .fin = false}, "frag") +
                   frame({.opcode = Opcode::pong}, "") +
                   frame({.opcode = Opcode::continuation}, "ment") +
                   frame(binary_from_client, tests::pattern(70'000));
  relay.client.send(up);
  EXPECT_EQ(relay.backend.receive(up.size()), up);
  const Bytes down = frame(from_backend, "back") + frame(binary_from_backend, tests::pattern(1000));
  relay.backend.send(down);
  EXPECT_EQ(relay.client.receive(down.size()), down);
}

TEST(Relay, ForwardsWhatWasReadAlready) {
  const Bytes up = frame(from_client, "early");
  const Bytes down = frame(from_backend, "early too");
  RelayOnLoop relay({.already_read_client = up, .already_read_backend = down});
  EXPECT_EQ(relay.backend.receive(up.size()), up);
  EXPECT_EQ(relay.client.receive(down.size()), down);
}

TEST(Relay, ForwardsFramesBeforeTheyAreWhole) {
  RelayOnLoop relay;
  const Bytes whole = frame(binary_from_client, tests::pattern(200));
  const auto middle = whole.begin() + 50;
  relay.client.send(Bytes(whole.begin(), middle));
  EXPECT_EQ(relay.backend.receive(50), Bytes(whole.begin(), middle));
  relay.client.send(Bytes(middle, whole.end()));
  EXPECT_EQ(relay.backend.receive(whole.size() - 50), Bytes(middle, whole.end()));
}

TEST(Relay, ForwardsByteByByte) {
  RelayOnLoop relay;
  const Bytes all = frame(binary_from_client, tests::pattern(130)) +
                    frame({.opcode = Opcode::ping}, tests::pattern(20));
  for (const std::uint8_t byte : all) {
    relay.client.send({byte});
    relay.turn();
  }
  EXPECT_EQ(relay.backend.receive(all.size()), all);
}

TEST(Relay, ForwardsTheReservedBitsThatWereAgreed) {
  RelayOnLoop relay({.allowed_rsv = protocol::rsv1_bit});
  const Bytes up = frame({.rsv = protocol::rsv1_bit}, "compressed, as far as we know");
  relay.client.send(up);
  EXPECT_EQ(relay.backend.receive(up.size()), up);
}

TEST(Relay, StreamsBothWaysAtOnce) {
  RelayOnLoop relay({.buffer_bytes = 8192});
  const Bytes up = frame(binary_from_client, tests::pattern(2'000'000));
  const Bytes down = frame(binary_from_backend, tests::pattern(3'000'000));
  std::thread client_sends([&] { relay.client.send(up); });
  std::thread backend_sends([&] { relay.backend.send(down); });
  Bytes received_up;
  std::thread backend_receives([&] { received_up = relay.backend.receive(up.size()); });
  const Bytes received_down = relay.client.receive(down.size());
  client_sends.join();
  backend_sends.join();
  backend_receives.join();
  EXPECT_TRUE(received_up == up);
  EXPECT_TRUE(received_down == down);
}

TEST(Relay, QueuesAtMostOneRead) {
  constexpr int buffer = 4096;  // the kernel doubles it
  RelayOnLoop relay({.buffer_bytes = buffer});
  const Bytes up = frame(binary_from_client, tests::pattern(4'000'000));
  const std::size_t sent = relay.client.send_some(up, 300ms);
  EXPECT_LT(sent, up.size());
  const std::size_t one_read = engine::LoopOptions{}.receive_buffer_bytes;
  EXPECT_LE(sent, one_read + engine::ReceiveBuffer::headroom_bytes + 4 * buffer);
  std::thread rest(
      [&] { relay.client.send(Bytes(up.begin() + static_cast<std::ptrdiff_t>(sent), up.end())); });
  EXPECT_TRUE(relay.backend.receive(up.size()) == up);
  rest.join();
}

TEST(Relay, RelaysTheClosingHandshake) {
  for (const bool by_client : {true, false}) {
    SCOPED_TRACE(by_client ? "client" : "backend");
    RelayOnLoop relay;
    Peer& first = by_client ? relay.client : relay.backend;
    Peer& second = by_client ? relay.backend : relay.client;
    const Role first_role = by_client ? Role::client : Role::server;
    const Bytes close = close_frame(first_role, 4001, "enough");
    first.send(close);
    EXPECT_EQ(second.receive(close.size()), close);
    const Bytes answer = close_frame(peer_of(first_role), 4001);
    second.send(answer);
    EXPECT_EQ(first.receive(answer.size()), answer);
    EXPECT_TRUE(first.receives_end());
    EXPECT_TRUE(second.receives_end());
    first.close();
    second.close();
    EXPECT_TRUE(relay.thread.wait_until_empty());
  }
}

TEST(Relay, ForwardsDataThatComesAfterTheOtherSidesClose) {
  RelayOnLoop relay;
  const Bytes close = close_frame(Role::client, 1000);
  relay.client.send(close);
  EXPECT_EQ(relay.backend.receive(close.size()), close);
  const Bytes down = frame(from_backend, "still to say") + close_frame(Role::server, 1000);
  relay.backend.send(down);
  EXPECT_EQ(relay.client.receive(down.size()), down);
}

TEST(Relay, ForwardsNothingAfterClose) {
  RelayOnLoop relay;
  const Bytes close = close_frame(Role::client, 1000);
  relay.client.send(close + frame(from_client, "late"));
  EXPECT_EQ(relay.backend.receive(close.size()), close);
  relay.backend.send(close_frame(Role::server, 1000));
  EXPECT_TRUE(relay.backend.receives_end());
}

TEST(Relay, AnswersTheClientItselfWhenTheBackendDoesNot) {
  for (const bool backend_ends : {true, false}) {
    SCOPED_TRACE(backend_ends);
    RelayOnLoop relay({.policy = {.close_timeout = backend_ends ? 10'000ms : 50ms}});
    relay.client.send(close_frame(Role::client, 4002));
    expect_backend_gets_close(relay, 4002);
    if (backend_ends) relay.backend.close();
    expect_client_gets_close(relay, 4002);
    EXPECT_TRUE(relay.client.receives_end());
    relay.client.close();
    EXPECT_TRUE(relay.thread.wait_until_empty());
  }
}

TEST(Relay, TellsTheClientOfALostBackendWith1014) {
  RelayOnLoop relay;
  relay.backend.send(frame(from_backend, "last words"));
  relay.backend.close();
  const auto words = relay.client.receive_frame();
  ASSERT_TRUE(words);
  EXPECT_EQ(words->text(), "last words");
  expect_client_gets_close(relay, 1014);
  relay.client.send(frame(from_client, "unheard") + close_frame(Role::client, 1014));
  EXPECT_TRUE(relay.client.receives_end());
  relay.client.close();
  EXPECT_TRUE(relay.thread.wait_until_empty());
}

TEST(Relay, TellsTheBackendOfALostClientWith1001) {
  RelayOnLoop relay;
  relay.client.send(frame(from_client, "last words"));
  relay.client.close();
  const auto words = relay.backend.receive_frame();
  ASSERT_TRUE(words);
  EXPECT_EQ(words->text(), "last words");
  expect_backend_gets_close(relay, 1001);
  relay.backend.send(close_frame(Role::server, 1001));
  EXPECT_TRUE(relay.backend.receives_end());
  relay.backend.close();
  EXPECT_TRUE(relay.thread.wait_until_empty());
}

TEST(Relay, EndsTheOtherSideWhenOneIsLostInsideAFrame) {
  for (const bool by_client : {true, false}) {
    SCOPED_TRACE(by_client ? "client" : "backend");
    RelayOnLoop relay;
    Peer& lost = by_client ? relay.client : relay.backend;
    Peer& other = by_client ? relay.backend : relay.client;
    Bytes part = frame({.sender = by_client ? Role::client : Role::server}, "never whole");
    part.resize(part.size() - 3);
    lost.send(part);
    lost.close();
    EXPECT_EQ(other.receive(part.size()), part);
    EXPECT_TRUE(other.receives_end()) << "half a frame is out: a Close would be part of it";
    other.close();
    EXPECT_TRUE(relay.thread.wait_until_empty());
  }
}

TEST(Relay, FailsAClientThatBreaksTheProtocol) {
  RelayOnLoop relay;
  relay.client.send(frame(from_client, "good") + reserved_opcode_from_client);
  const auto good = relay.backend.receive_frame();
  ASSERT_TRUE(good);
  EXPECT_EQ(good->text(), "good");
  expect_client_gets_close(relay, 1002);
  EXPECT_TRUE(relay.client.receives_end());
  expect_backend_gets_close(relay, 1001);
  relay.backend.send(close_frame(Role::server, 1001));
  EXPECT_TRUE(relay.backend.receives_end());
  relay.client.close();
  relay.backend.close();
  EXPECT_TRUE(relay.thread.wait_until_empty());
}

TEST(Relay, FailsABackendThatBreaksTheProtocol) {
  RelayOnLoop relay;
  relay.backend.send(frame(from_backend, "good") + frame(from_client, "masked"));
  const auto good = relay.client.receive_frame();
  ASSERT_TRUE(good);
  EXPECT_EQ(good->text(), "good");
  expect_backend_gets_close(relay, 1002);
  EXPECT_TRUE(relay.backend.receives_end());
  expect_client_gets_close(relay, 1001);
  relay.client.send(close_frame(Role::client, 1001));
  EXPECT_TRUE(relay.client.receives_end());
  relay.client.close();
  relay.backend.close();
  EXPECT_TRUE(relay.thread.wait_until_empty());
}

TEST(Relay, EndsAClientThatHadClosedBeforeTheBackendBreaksTheProtocol) {
  connection::Policy policy;
  policy.close_timeout = 1h;
  RelayOnLoop relay({.policy = policy});
  relay.client.send(close_frame(Role::client, 1000));
  expect_backend_gets_close(relay, 1000);
  relay.backend.send(frame(from_client, "masked"));
  expect_client_gets_close(relay, 1001);
  EXPECT_TRUE(relay.client.receives_end());
  EXPECT_TRUE(relay.backend.receives_end());
  relay.client.close();
  relay.backend.close();
  EXPECT_TRUE(relay.thread.wait_until_empty());
}

TEST(Relay, ChecksCloseFrames) {
  struct Case {
    Bytes payload;
    int code;
  };
  for (const auto& [payload, code] :
       std::initializer_list<Case>{{{0x03}, 1002},
                                   {tests::close_payload(1005), 1002},
                                   {tests::close_payload(1000, "\xFF"), 1007}}) {
    SCOPED_TRACE(code);
    RelayOnLoop relay;
    relay.client.send(frame(from_client, "before") + frame({.opcode = Opcode::close}, payload));
    const auto before = relay.backend.receive_frame();
    ASSERT_TRUE(before);
    EXPECT_EQ(before->text(), "before");
    expect_client_gets_close(relay, code);
    expect_backend_gets_close(relay, 1001);
  }
}

TEST(Relay, RelaysAnEmptyClose) {
  RelayOnLoop relay;
  const Bytes empty = frame({.opcode = Opcode::close}, "");
  relay.client.send(empty);
  EXPECT_EQ(relay.backend.receive(empty.size()), empty);
}

TEST(Relay, HoldsTheFrameSizeLimitAgainstBothSides) {
  for (const bool by_client : {true, false}) {
    RelayOnLoop relay({.policy = {.client_limits = {.max_frame_bytes = 100},
                                  .backend_limits = {.max_frame_bytes = 100}}});
    if (by_client) {
      relay.client.send(tests::header(binary_from_client, 101));
      expect_client_gets_close(relay, 1009);
      expect_backend_gets_close(relay, 1001);
    } else {
      relay.backend.send(tests::header(binary_from_backend, 101));
      expect_backend_gets_close(relay, 1009);
      expect_client_gets_close(relay, 1001);
    }
  }
}

/// A backend that has sent the first 100 bytes of this frame, and the client has them.
const Bytes long_frame = frame(binary_from_backend, tests::pattern(1000));
const auto long_frame_cut = long_frame.begin() + 100;

void begin_long_frame(RelayOnLoop& relay) {
  relay.backend.send(Bytes(long_frame.begin(), long_frame_cut));
  ASSERT_EQ(relay.client.receive(100), Bytes(long_frame.begin(), long_frame_cut));
}

TEST(Relay, LetsTheFrameUnderWayEndBeforeItsOwnClose) {
  RelayOnLoop relay;
  begin_long_frame(relay);
  relay.client.send(reserved_opcode_from_client);
  expect_backend_gets_close(relay, 1001);
  relay.backend.send(Bytes(long_frame_cut, long_frame.end()) + frame(from_backend, "too late") +
                     close_frame(Role::server, 1001));
  EXPECT_EQ(relay.client.receive(long_frame.size() - 100), Bytes(long_frame_cut, long_frame.end()));
  expect_client_gets_close(relay, 1002);
  EXPECT_TRUE(relay.client.receives_end());
  relay.client.close();
  relay.backend.close();
  EXPECT_TRUE(relay.thread.wait_until_empty());
}

TEST(Relay, EndsAFailedClientWhenTheFrameUnderWayNeverEnds) {
  for (const bool backend_ends : {true, false}) {
    SCOPED_TRACE(backend_ends ? "backend ends" : "backend stalls");
    RelayOnLoop relay({.policy = {.close_timeout = backend_ends ? 5'000ms : 50ms}});
    begin_long_frame(relay);
    relay.client.send(reserved_opcode_from_client);
    expect_backend_gets_close(relay, 1001);
    if (backend_ends) relay.backend.close();
    EXPECT_TRUE(relay.client.receives_end());
    relay.client.close();
    EXPECT_TRUE(relay.thread.wait_until_empty());
  }
}

TEST(Relay, EndsAClosingClientWhenTheFrameUnderWayNeverEnds) {
  for (const bool backend_ends : {true, false}) {
    SCOPED_TRACE(backend_ends ? "backend ends" : "backend stalls");
    RelayOnLoop relay({.policy = {.close_timeout = backend_ends ? 5'000ms : 50ms}});
    begin_long_frame(relay);
    relay.client.send(close_frame(Role::client, 1000));
    expect_backend_gets_close(relay, 1000);
    if (backend_ends) relay.backend.close();
    EXPECT_TRUE(relay.client.receives_end());
    relay.client.close();
    EXPECT_TRUE(relay.thread.wait_until_empty());
  }
}

TEST(Relay, SaysGoodbyeToBothWhenTheLoopStops) {
  RelayOnLoop relay;
  relay.turn();
  relay.thread.loop().post_stop(10s);
  expect_client_gets_close(relay, 1001);
  expect_backend_gets_close(relay, 1001);
  relay.client.send(close_frame(Role::client, 1001));
  relay.backend.send(close_frame(Role::server, 1001));
  EXPECT_TRUE(relay.client.receives_end());
  EXPECT_TRUE(relay.backend.receives_end());
  relay.client.close();
  relay.backend.close();
  relay.thread.stop(10s);
}

TEST(Relay, EndsBothWhenTheLoopIsDestroyed) {
  RelayOnLoop relay;
  relay.turn();
  relay.thread.stop();
  while (relay.client.receive_frame()) continue;
  while (relay.backend.receive_frame()) continue;
  EXPECT_TRUE(relay.client.receives_end());
  EXPECT_TRUE(relay.backend.receives_end());
}

}  // namespace
}  // namespace mod_ws::proxy
