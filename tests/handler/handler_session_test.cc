#include "mod_ws/handler/handler_session.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::bytes_of;
using tests::close_frame;
using tests::frame;
using tests::Peer;
using tests::operator+;
using ws::CloseCode;
using ws::MessageType;

/// What the handlers below note down, on the loop's thread.
struct Notes {
  std::vector<std::string> lines;
  std::vector<ws::Message> messages;
  std::optional<ws::CloseStatus> status;
  ws::Conn* conn = nullptr;
  int alive = 0;
  int step = 0;
};
Notes notes;

/// Stands in a handler's frame.
struct Alive {
  Alive() { ++notes.alive; }
  ~Alive() { --notes.alive; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
};

/// Begins with empty notes.
class HandlerOnLoop : public tests::HandlerOnLoop {
 public:
  explicit HandlerOnLoop(ws::HandlerFunction handler, tests::HandlerOptions options = {})
      : tests::HandlerOnLoop((notes = {}, handler), std::move(options)) {}

  bool wait_for_step(int step) {
    return wait_until([step] { return notes.step >= step; });
  }
  std::vector<ws::Message> messages() {
    return thread.call([] { return notes.messages; });
  }
};

void expect_text(Peer& client, std::string_view text) {
  const auto received = client.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->opcode, Opcode::text);
  EXPECT_EQ(received->text(), text);
  EXPECT_FALSE(received->masked);
}

ws::Task<> echo(ws::Conn& conn) {
  const Alive alive;
  while (const auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
  notes.status = conn.close_status();
}

ws::Task<> read_all(ws::Conn& conn) {
  while (auto message = co_await conn.read()) notes.messages.push_back(std::move(*message));
  notes.status = conn.close_status();
  ++notes.step;
}

/// Waits for ever, and not for a message.
ws::Task<> sleep_for_ever(ws::Conn& conn) {
  const Alive alive;
  notes.conn = &conn;
  ++notes.step;
  co_await std::suspend_always();
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

TEST(HandlerSession, TellsTheRequest) {
  HandlerOnLoop session([](ws::Conn& conn) -> ws::Task<> {
    const ws::Request request = conn.request();
    for (const std::string_view part :
         {request.uri, request.remote_address, request.user, conn.subprotocol()})
      notes.lines.emplace_back(part);
    notes.status = conn.close_status();
    ++notes.step;
    co_await conn.read();
  });
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_EQ(notes.lines,
            (std::vector<std::string>{"/chat?room=1", "192.0.2.7:51522", "alice", "chat.v1"}));
  EXPECT_EQ(notes.status->code, CloseCode::no_status_received);
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

TEST(HandlerSession, EndsWhenTheClientDoesNotAnswerTheClose) {
  HandlerOnLoop session([](ws::Conn&) -> ws::Task<> { co_return; },
                        {.policy = {.close_timeout = 50ms}});
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(HandlerSession, HoldsBackAClientNobodyReads) {
  HandlerOnLoop session(sleep_for_ever, {.buffer_bytes = 4096});
  ASSERT_TRUE(session.wait_for_step(1));
  const Bytes one = frame({.opcode = Opcode::binary}, tests::pattern(1000));
  std::size_t sent = 0;
  while (sent < 2'000'000) {
    const std::size_t taken = session.client.send_some(one, 200ms);
    sent += taken;
    if (taken < one.size()) break;
  }
  EXPECT_LT(sent, 200'000U) << "one read and the kernel's buffers";
}

TEST(HandlerSession, GivesMessagesThatCameBeforeAnyoneAsked) {
  HandlerOnLoop session(
      [](ws::Conn& conn) -> ws::Task<> {
        // Written until the client takes some: meanwhile its messages come.
        const std::string much(300'000, 'x');
        if (co_await conn.write(MessageType::text, much)) co_return;
        for (int i = 0; i < 4; ++i) {
          auto message = co_await conn.read();
          if (!message) break;
          notes.messages.push_back(std::move(*message));
        }
        ++notes.step;
        co_await conn.read();
      },
      {.buffer_bytes = 4096});
  session.client.send(frame({}, "1") + frame({}, "2") + frame({}, "3"));
  session.thread.call([] {});
  session.client.send(frame({}, "4"));
  ASSERT_TRUE(session.client.receive_frame());
  ASSERT_TRUE(session.wait_for_step(1));
  const auto messages = session.messages();
  ASSERT_EQ(messages.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(messages[i].payload, std::to_string(i + 1));
}

TEST(HandlerSession, SuspendsWritesUntilTheClientHasTakenThem) {
  HandlerOnLoop session(
      [](ws::Conn& conn) -> ws::Task<> {
        notes.conn = &conn;
        const std::string much(300'000, 'x');
        if (co_await conn.write(MessageType::text, much)) co_return;
        ++notes.step;
        if (co_await conn.write(MessageType::text, "small")) co_return;
        ++notes.step;
        co_await conn.read();
      },
      {.buffer_bytes = 4096});
  ASSERT_TRUE(session.wait_until([] { return notes.conn != nullptr; }));
  session.thread.call([] {
    EXPECT_EQ(notes.step, 0);
    EXPECT_GT(notes.conn->buffered_amount(), 200'000U);
  });
  expect_text(session.client, std::string(300'000, 'x'));
  expect_text(session.client, "small");
  ASSERT_TRUE(session.wait_for_step(2));
  session.thread.call([] { EXPECT_EQ(notes.conn->buffered_amount(), 0U); });
}

TEST(HandlerSession, EndsSuspendedWritesWhenTheClientIsLost) {
  HandlerOnLoop session(
      [](ws::Conn& conn) -> ws::Task<> {
        const std::string much(300'000, 'x');
        ++notes.step;
        const ws::Error error = co_await conn.write(MessageType::text, much);
        notes.lines.emplace_back(error.message());
        const ws::Error again = co_await conn.write(MessageType::text, "more");
        notes.lines.emplace_back(again.message());
        notes.status = conn.close_status();
      },
      {.buffer_bytes = 4096});
  ASSERT_TRUE(session.wait_for_step(1));
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  EXPECT_EQ(notes.lines,
            (std::vector<std::string>{"the connection is closed", "the connection is closed"}));
  EXPECT_EQ(notes.status->code, CloseCode::abnormal_closure);
}

TEST(HandlerSession, CloseResumesWithTheClientsStatus) {
  HandlerOnLoop session([](ws::Conn& conn) -> ws::Task<> {
    notes.status = co_await conn.close(static_cast<CloseCode>(4000), "your turn");
    ++notes.step;
    if (co_await conn.write(MessageType::text, "late")) notes.lines.emplace_back("closed");
  });
  EXPECT_EQ(session.client.receive(13), close_frame(Role::server, 4000, "your turn"));
  session.client.send(frame({}, "under way, and dropped") +
                      close_frame(Role::client, 4100, "agreed"));
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_EQ(notes.status->code, static_cast<CloseCode>(4100));
  EXPECT_EQ(notes.status->reason, "agreed");
  EXPECT_TRUE(session.client.receives_end());
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  EXPECT_EQ(notes.lines, std::vector<std::string>{"closed"});
}

TEST(HandlerSession, CloseResumesWith1006WhenTheClientDoesNotAnswer) {
  HandlerOnLoop session([](ws::Conn& conn) -> ws::Task<> { notes.status = co_await conn.close(); },
                        {.policy = {.close_timeout = 50ms}});
  EXPECT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  EXPECT_EQ(notes.status->code, CloseCode::abnormal_closure);
}

TEST(HandlerSession, CloseResumesAtOnceAfterTheEnd) {
  HandlerOnLoop session([](ws::Conn& conn) -> ws::Task<> {
    co_await conn.read();
    notes.status = co_await conn.close();
    ++notes.step;
  });
  session.client.send(close_frame(Role::client, 4003));
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_EQ(notes.status->code, static_cast<CloseCode>(4003));
}

TEST(HandlerSession, ReadsNothingMoreAfterTheEnd) {
  HandlerOnLoop session([](ws::Conn& conn) -> ws::Task<> {
    while (co_await conn.read()) continue;
    for (int i = 0; i < 10; ++i) {
      if (co_await conn.read()) notes.lines.emplace_back("a message");
    }
    notes.status = conn.close_status();
    ++notes.step;
  });
  session.client.send(close_frame(Role::client, 1000));
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_TRUE(notes.lines.empty());
  EXPECT_EQ(notes.status->code, CloseCode::normal_closure);
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

TEST(HandlerSession, FailsAClientThatBreaksTheProtocol) {
  struct Case {
    Bytes bytes;
    int code;
  };
  for (const auto& [bytes, code] : std::initializer_list<Case>{
           {{0x83, 0x80, 0, 0, 0, 0}, 1002},
           {frame({}, "\xFF"), 1007},
           {frame({.fin = false}, "\xE2") + frame({.opcode = Opcode::continuation}, "x"), 1007},
           {tests::header({.opcode = Opcode::binary}, 1001), 1009},
           {frame({.fin = false}, std::string(600, 'a')) +
                tests::header({.opcode = Opcode::continuation}, 401),
            1009},
           {frame({.opcode = Opcode::close}, "\x03"), 1002},
           {close_frame(Role::client, 1006), 1002},
           {close_frame(Role::client, 1000, "\xFF"), 1007}}) {
    SCOPED_TRACE(code);
    HandlerOnLoop session(read_all, {.policy = {.client_limits = {.max_message_bytes = 1000}}});
    session.client.send(frame({}, "good") + bytes + frame({}, "unseen"));
    const auto close = session.client.receive_frame();
    ASSERT_TRUE(close);
    EXPECT_EQ(close->opcode, Opcode::close);
    EXPECT_EQ(close->close_code(), code);
    EXPECT_TRUE(session.client.receives_end());
    session.client.close();
    EXPECT_TRUE(session.thread.wait_until_empty());
    session.thread.stop();
    ASSERT_EQ(notes.messages.size(), 1U);
    EXPECT_EQ(notes.messages[0].payload, "good");
    EXPECT_EQ(notes.status->code, static_cast<CloseCode>(code));
  }
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
