#include <gtest/gtest.h>

#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using tests::Bytes;
using tests::frame;
using tests::HandlerOnLoop;

constexpr std::size_t ping_bytes = 6 + 125;  // with header and masking key
constexpr std::size_t flood_bytes = 40'000 * ping_bytes;
/// The queue that makes a session wait, one read's answers, and what the kernel takes.
constexpr std::size_t held_back_bytes = 400'000;

/// On the loop's thread.
ws::Conn* session_conn = nullptr;

ws::Task<> echo(ws::Conn& conn) {
  session_conn = &conn;
  while (const auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
}

ws::Task<> close(ws::Conn& conn) {
  session_conn = &conn;
  co_await conn.close();
}

std::string payload_of(std::size_t number) {
  std::string payload = std::to_string(number);
  payload.resize(125, '.');
  return payload;
}

Bytes flood_of_pings() {
  Bytes flood;
  flood.reserve(flood_bytes);
  for (std::size_t i = 0; i < flood_bytes / ping_bytes; ++i)
    tests::operator+=(flood, frame({.opcode = Opcode::ping}, payload_of(i)));
  return flood;
}

std::size_t queued_bytes(HandlerOnLoop& session) {
  return session.thread.call([] { return session_conn->buffered_amount(); });
}

/// Sends pings until none is taken any more; returns how many bytes of them were.
std::size_t flood(HandlerOnLoop& session, const Bytes& pings) {
  return session.client.send_some(pings, 300ms);
}

void expect_pongs(HandlerOnLoop& session, std::size_t first, std::size_t end) {
  for (std::size_t i = first; i < end; ++i) {
    const auto pong = session.client.receive_frame();
    ASSERT_TRUE(pong) << i;
    ASSERT_EQ(pong->opcode, Opcode::pong) << i;
    ASSERT_EQ(pong->text(), payload_of(i));
  }
}

TEST(PingFlood, HoldsBackAClientThatTakesNoPongs) {
  const Bytes pings = flood_of_pings();
  HandlerOnLoop session(echo, {.buffer_bytes = 4096});
  const std::size_t sent = flood(session, pings);
  EXPECT_LT(sent, held_back_bytes);
  EXPECT_LT(queued_bytes(session), held_back_bytes);

  // Once it reads, every ping has its answer, in order, and the session goes on.
  const std::size_t whole = sent / ping_bytes;
  expect_pongs(session, 0, whole);
  const std::size_t cut = sent % ping_bytes;
  if (cut > 0) {
    const auto* const rest = pings.data() + sent;
    session.client.send({rest, rest + ping_bytes - cut});
    expect_pongs(session, whole, whole + 1);
  }
  session.client.send(frame({}, "still there"));
  const auto echoed = session.client.receive_frame();
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->text(), "still there");
}

TEST(PingFlood, HoldsBackAClientInTheMiddleOfAMessage) {
  HandlerOnLoop session(echo, {.buffer_bytes = 4096});
  session.client.send(frame({.fin = false}, "begun"));
  EXPECT_LT(flood(session, flood_of_pings()), held_back_bytes);
  EXPECT_LT(queued_bytes(session), held_back_bytes);
}

TEST(PingFlood, CostsNothingAfterOurClose) {
  HandlerOnLoop session(close, {.buffer_bytes = 4096});
  flood(session, flood_of_pings());
  EXPECT_LT(queued_bytes(session), held_back_bytes);
}

}  // namespace
}  // namespace mod_ws::handler
