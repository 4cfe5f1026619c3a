#include "tests/support/allocations.h"

#include <gtest/gtest.h>

#include "mod_ws/handler/c_handler.h"
#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using tests::Bytes;
using tests::frame;
using tests::HandlerOnLoop;

/// How many allocations the loop's thread had made when each message reached the handler.
std::vector<std::size_t> allocations_at;

ws::Task<> read_only(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) allocations_at.push_back(tests::allocations);
}

ws::Task<> echo(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    allocations_at.push_back(tests::allocations);
    if (co_await conn.write(*message)) break;
  }
}

/// An ASCII message of so many bytes, as both types.
std::vector<Bytes> messages_of(std::size_t size) {
  const std::string text(size, 'a');
  return {frame({.opcode = protocol::Opcode::text}, text),
          frame({.opcode = protocol::Opcode::binary}, text)};
}

/// From each message to the next one: with the second on, the session has what it keeps.
void expect_each_costs(std::size_t expected) {
  for (std::size_t i = 2; i < allocations_at.size(); ++i)
    EXPECT_EQ(allocations_at[i] - allocations_at[i - 1], expected) << "message " << i;
}

void begin(std::size_t messages) {
  allocations_at.clear();
  allocations_at.reserve(messages);
}

constexpr int rounds = 5;

/// `size` bytes arrive whole, are handed out and come back.
void expect_echoes_cost(std::size_t size, std::size_t expected) {
  SCOPED_TRACE(size);
  begin(2 * rounds);
  HandlerOnLoop session(echo);
  for (int i = 0; i < rounds; ++i) {
    for (const Bytes& message : messages_of(size)) {
      session.client.send(message);
      ASSERT_TRUE(session.client.receive_frame());
    }
  }
  session.thread.stop();
  ASSERT_EQ(allocations_at.size(), 2U * rounds);
  expect_each_costs(expected);
}

TEST(HandlerAllocation, EchoOfAWholeMessageCostsItsPayloadOnly) {
  expect_echoes_cost(1, 0);  // a short std::string has none
  expect_echoes_cost(126, 1);
  expect_echoes_cost(40'000, 1);
}

/// The messages of one read are handed out, to a handler that only takes them.
void expect_messages_of_one_read_cost_their_payloads_only(ws::HandlerFunction handler) {
  begin(2 * rounds);
  HandlerOnLoop session(handler);
  Bytes all;
  for (int i = 0; i < rounds; ++i) {
    for (const Bytes& message : messages_of(1000)) tests::operator+=(all, message);
  }
  session.client.send(all);
  session.client.close();
  ASSERT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  ASSERT_EQ(allocations_at.size(), 2U * rounds);
  expect_each_costs(1);
}

TEST(HandlerAllocation, MessagesOfOneReadCostTheirPayloadsOnly) {
  expect_messages_of_one_read_cost_their_payloads_only(read_only);
}

void note_allocations(ws_session*) { allocations_at.push_back(tests::allocations); }

constexpr ws_c_handler counting{note_allocations,
                                [](ws_session* session, ws_message_type, const char*, std::size_t) {
                                  note_allocations(session);
                                },
                                nullptr};

TEST(CHandlerAllocation, MessagesOfOneReadCostTheirPayloadsOnly) {
  expect_messages_of_one_read_cost_their_payloads_only([](ws::Conn& conn) {
    static constexpr ws_c_handler only_messages{nullptr, counting.on_message, nullptr};
    return run_c_handler(conn, only_messages);
  });
}

TEST(CHandlerAllocation, SessionCostsItsFrameAndItsStringsOnly) {
  begin(2);
  HandlerOnLoop session([](ws::Conn& conn) {
    allocations_at.push_back(tests::allocations);
    return run_c_handler(conn, counting);
  });
  session.thread.stop();
  ASSERT_EQ(allocations_at.size(), 2U);
  EXPECT_LE(allocations_at[1] - allocations_at[0], 2U);
}

}  // namespace
}  // namespace mod_ws::handler
