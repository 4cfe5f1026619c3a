#include "mod_ws/handler/handler_session.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/noting_handler.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::Alive;
using tests::Bytes;
using tests::bytes_of;
using tests::close_frame;
using tests::expect_text;
using tests::frame;
using tests::notes;
using tests::Peer;
using tests::read_all;
using tests::sleep_for_ever;
using tests::operator+;
using HandlerOnLoop = tests::NotingHandler;
using ws::CloseCode;
using ws::MessageType;

ws::Task<> echo(ws::Conn& conn) {
  const Alive alive;
  while (const auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
  notes.status = conn.close_status();
}

TEST(HandlerSession, Echoes) {
  HandlerOnLoop session(echo);
  const Bytes large = tests::pattern(200'000);
  session.client.send(frame({}, "Hello") + frame({.opcode = Opcode::binary}, large) +
                      frame({.fin = false}, "frag") + frame({.opcode = Opcode::ping}, "p") +
                      frame({.opcode = Opcode::continuation}, "ment"));
  expect_text(session.client, "Hello");
  const auto binary = session.client.receive_frame();
  ASSERT_TRUE(binary);
  EXPECT_EQ(binary->opcode, Opcode::binary);
  EXPECT_TRUE(binary->payload == large);
  const auto pong = session.client.receive_frame();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, Opcode::pong);
  EXPECT_EQ(pong->text(), "p");
  expect_text(session.client, "fragment");
}

TEST(HandlerSession, BeginsWithWhatWasReadAlready) {
  HandlerOnLoop session(echo, {.already_read = frame({}, "early")});
  expect_text(session.client, "early");
}

TEST(HandlerSession, AnswersTheClientsClose) {
  HandlerOnLoop session(echo);
  session.client.send(close_frame(Role::client, 4001, "enough"));
  EXPECT_EQ(session.client.receive(4), close_frame(Role::server, 4001));
  EXPECT_TRUE(session.client.receives_end());
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  EXPECT_EQ(notes.alive, 0);
  EXPECT_EQ(notes.status->code, static_cast<CloseCode>(4001));
  EXPECT_EQ(notes.status->reason, "enough");
}

TEST(HandlerSession, AnswersAnEmptyCloseWithAnEmptyOne) {
  HandlerOnLoop session(echo);
  session.client.send(frame({.opcode = Opcode::close}, ""));
  EXPECT_EQ(session.client.receive(3), (Bytes{0x88, 0x00}));
  EXPECT_TRUE(session.wait_until([] { return notes.status.has_value(); }));
  EXPECT_EQ(notes.status->code, CloseCode::no_status_received);
}

TEST(HandlerSession, ClosesWith1000WhenTheHandlerReturns) {
  HandlerOnLoop session([](ws::Conn&) -> ws::Task<> { co_return; });
  session.expect_close_and_answer(1000);
}

TEST(HandlerSession, ClosesWith1011WhenTheHandlerThrows) {
  HandlerOnLoop at_once([](ws::Conn&) -> ws::Task<> {
    throw std::runtime_error("no");
    co_return;
  });
  at_once.expect_close_and_answer(1011);
  HandlerOnLoop something_else([](ws::Conn&) -> ws::Task<> {
    throw 42;
    co_return;
  });
  something_else.expect_close_and_answer(1011);
  HandlerOnLoop later([](ws::Conn& conn) -> ws::Task<> {
    co_await conn.read();
    throw std::runtime_error("no");
  });
  later.client.send(frame({}, "go"));
  later.expect_close_and_answer(1011);
}

TEST(HandlerSession, ClosesWith1011WhenTheHandlerThrowsBeforeItsCoroutine) {
  HandlerOnLoop session([](ws::Conn&) -> ws::Task<> { throw 42; });
  session.expect_close_and_answer(1011);
}

TEST(HandlerSession, EndsWhenTheClientDoesNotAnswerTheClose) {
  HandlerOnLoop session([](ws::Conn&) -> ws::Task<> { co_return; },
                        {.policy = {.close_timeout = 50ms}});
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(HandlerSession, StopsAHandlerThatReadsOnForEver) {
  for (const bool closes : {true, false}) {
    HandlerOnLoop session([](ws::Conn& conn) -> ws::Task<> {
      const Alive alive;
      for (;;) co_await conn.read();
    });
    if (closes) session.client.send(close_frame(Role::client, 1000));
    session.client.shutdown_write();
    EXPECT_TRUE(session.thread.wait_until_empty());
    session.thread.stop();
    EXPECT_EQ(notes.alive, 0);
  }
}

TEST(HandlerSession, TellsALostClientAs1006) {
  HandlerOnLoop session(read_all);
  session.client.send(frame({}, "last words"));
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  ASSERT_EQ(notes.messages.size(), 1U);
  EXPECT_EQ(notes.messages[0].payload, "last words");
  EXPECT_EQ(notes.status->code, CloseCode::abnormal_closure);
}

TEST(HandlerSession, DestroysTheHandlerWhenTheLoopEnds) {
  for (const ws::HandlerFunction handler : {echo, sleep_for_ever}) {
    HandlerOnLoop session(handler);
    ASSERT_TRUE(session.wait_until([] { return notes.alive == 1; }));
    session.thread.stop();
    EXPECT_EQ(notes.alive, 0);
  }
}

TEST(HandlerSession, SaysGoodbyeWhenTheLoopStops) {
  HandlerOnLoop session(echo);
  session.thread.call([] {});
  session.thread.loop().post_stop(10s);
  const auto close = session.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->close_code(), 1001);
  session.client.send(close_frame(Role::client, 1001));
  EXPECT_TRUE(session.client.receives_end());
  session.client.close();
  session.thread.stop(10s);
  EXPECT_EQ(notes.alive, 0);
}

}  // namespace
}  // namespace mod_ws::handler
