#include "mod_ws/handler/dialed_session.h"

#include <gtest/gtest.h>

#include "mod_ws/handler/loop_runtime.h"
#include "mod_ws/protocol/message_assembler.h"
#include "tests/support/dialing.h"
#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::bytes_of;
using tests::close_frame;
using tests::Dialing;
using tests::frame;
using tests::Listener;
using tests::LoopThread;
using tests::Peer;
using tests::operator+;
using ws::MessageType;

Bytes from_server(std::string_view text, Opcode opcode = Opcode::text) {
  return frame({.sender = Role::server, .opcode = opcode}, text);
}

/// A connection that was dialed, and its server.
class Dialed : public testing::Test {
 protected:
  void connect(ws::Dialer dialer = {}, const std::string& more = {}, const Bytes& behind = {}) {
    dialing.emplace(thread, "ws://" + listener.authority() + "/chat", std::move(dialer));
    server = listener.accept();
    const std::string request = tests::receive_head(server);
    server.send(bytes_of(tests::accepting(request, more)) + behind);
    ASSERT_TRUE(dialing->wait());
    ASSERT_TRUE(dialing->result) << dialing->result.error.message;
  }
  void expect_frame(Opcode opcode, std::string_view payload) {
    const auto received = server.receive_frame();
    ASSERT_TRUE(received) << "the end came instead";
    EXPECT_EQ(received->opcode, opcode);
    EXPECT_TRUE(received->masked);
    EXPECT_EQ(received->text(), payload);
  }
  void expect_close(int code) {
    const auto received = server.receive_frame();
    ASSERT_TRUE(received) << "the end came instead";
    EXPECT_EQ(received->opcode, Opcode::close);
    EXPECT_EQ(received->close_code(), code);
  }
  /// Answers the Close frame, and lets the connection end.
  void end(int code) {
    server.send(close_frame(Role::server, code));
    EXPECT_TRUE(server.receives_end());
    server.close();
  }
  /// The next message, as text.
  std::string read() {
    std::string text = "none";
    EXPECT_TRUE(dialing->run([&](ws::Conn& conn) -> ws::Task<> {
      const auto message = co_await conn.read();
      if (message) text = message->payload;
    }));
    return text;
  }
  ws::CloseStatus status() {
    return thread.call([&] { return dialing->result.client->close_status(); });
  }

  LoopThread thread;
  Listener listener;
  Peer server{base::UniqueFd()};
  std::optional<Dialing> dialing;
};

TEST_F(Dialed, ReadsAndWritesMasked) {
  connect();
  server.send(from_server("Hello"));
  EXPECT_EQ(read(), "Hello");
  const std::string large(100'000, 'x');
  EXPECT_TRUE(dialing->run([&](ws::Conn& conn) -> ws::Task<> {
    EXPECT_FALSE(co_await conn.write(MessageType::binary, std::string_view(large)));
    ws::MessageWriter writer = conn.next_writer(MessageType::text);
    EXPECT_FALSE(co_await writer.finish("end"));
  }));
  expect_frame(Opcode::binary, large);
  expect_frame(Opcode::text, "end");
}

TEST_F(Dialed, BeginsWithWhatCameBehindThe101) {
  connect({}, {}, from_server("one") + from_server("two") + from_server("p", Opcode::ping));
  EXPECT_EQ(read(), "one");
  EXPECT_EQ(read(), "two");
  expect_frame(Opcode::pong, "p");
}

TEST_F(Dialed, RejectsMaskedFramesWith1002) {
  connect({}, {}, frame({.sender = Role::client}, "masked"));
  EXPECT_EQ(read(), "none");
  EXPECT_EQ(status().code, ws::CloseCode::protocol_error);
  expect_close(1002);
}

TEST_F(Dialed, RejectsWhatIsLongerThanItsLimitWith1009) {
  connect({.read_limit = 5});
  server.send(from_server("12345") + from_server("123456"));
  EXPECT_EQ(read(), "12345");
  EXPECT_EQ(read(), "none");
  EXPECT_EQ(status().code, ws::CloseCode::message_too_big);
  expect_close(1009);
}

TEST_F(Dialed, RejectsTextThatIsNotUtf8With1007) {
  connect();
  server.send(from_server("\xFF"));
  EXPECT_EQ(read(), "none");
  expect_close(1007);
}

// ---- compression

TEST_F(Dialed, InflatesWhatComes) {
  connect({}, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n");
  // RFC 7692 7.2.3.1
  const Bytes hello{0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00};
  server.send(hello + hello);
  EXPECT_EQ(read(), "Hello");
  EXPECT_EQ(read(), "Hello");
}

TEST_F(Dialed, DeflatesWhatIsWritten) {
  connect({},
          "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
          "client_no_context_takeover; client_max_window_bits=9\r\n");
  const std::string text(10'000, 'x');
  EXPECT_TRUE(dialing->run([&](ws::Conn& conn) -> ws::Task<> {
    EXPECT_FALSE(co_await conn.write(MessageType::text, std::string_view(text)));
  }));
  const auto received = server.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->rsv, protocol::rsv1_bit);
  EXPECT_LT(received->payload.size(), 100U);
  protocol::ZlibPool pool;
  protocol::Inflater inflater(pool, false);
  protocol::MessageAssembler assembler({}, &inflater);
  Bytes payload = received->payload;
  protocol::FramePiece piece{
      .raw = payload, .payload = payload, .opcode = Opcode::text, .rsv = protocol::rsv1_bit};
  ASSERT_EQ(assembler.receive(piece), protocol::MessageAssembler::Result::message);
  EXPECT_EQ(assembler.take_message().payload, text);
}

TEST_F(Dialed, SendsPlainWhereNothingWasAgreed) {
  connect();
  const std::string text(1'000, 'x');
  EXPECT_TRUE(dialing->run([&](ws::Conn& conn) -> ws::Task<> {
    EXPECT_FALSE(co_await conn.write(MessageType::text, std::string_view(text)));
  }));
  expect_frame(Opcode::text, text);
}

// ---- the end

TEST_F(Dialed, ClosesWith1001WhenItIsGivenUp) {
  connect();
  dialing->drop();
  expect_close(1001);
  server.send(from_server("late"));  // nobody is there to read it
  end(1001);
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST_F(Dialed, IsGoneOnceItHasEndedAndIsGivenUp) {
  connect();
  server.send(close_frame(Role::server, 4001, "bye"));
  EXPECT_EQ(read(), "none");
  EXPECT_EQ(status().code, static_cast<ws::CloseCode>(4001));
  EXPECT_EQ(status().reason, "bye");
  expect_close(4001);
  EXPECT_TRUE(server.receives_end());
  server.close();
  EXPECT_EQ(thread.loop().resident_count(), 1U);
  dialing->drop();
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST_F(Dialed, TellsThatTheServerIsGone) {
  connect();
  server.close();
  EXPECT_EQ(read(), "none");
  EXPECT_EQ(status().code, ws::CloseCode::abnormal_closure);
}

TEST_F(Dialed, RunsTheClosingHandshake) {
  connect();
  std::optional<ws::CloseStatus> answer;
  tests::TaskOnLoop task(thread, [&]() -> ws::Task<> {
    answer = co_await dialing->result.client->close(ws::CloseCode::normal_closure, "done");
  });
  expect_close(1000);
  end(1000);
  ASSERT_TRUE(task.wait());
  EXPECT_EQ(answer->code, ws::CloseCode::normal_closure);
  dialing->drop();
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST_F(Dialed, IsGivenUpWithAResultThatNobodyTakes) {
  std::optional<ws::Pending<ws::DialResult>> pending;
  thread.call([&] {
    ws::detail::runtime = &runtime();
    const ws::Dialer dialer;
    pending.emplace(dialer.dial("ws://" + listener.authority()));
  });
  server = listener.accept();
  tests::accept_handshake(server);
  EXPECT_TRUE(thread.wait_until([&] { return pending->await_ready(); }));
  thread.call([&] { pending.reset(); });
  expect_close(1001);
  end(1001);
  EXPECT_TRUE(thread.wait_until_empty());
}

/// As handlers like to write it.
TEST_F(Dialed, MayBeDialedInACondition) {
  ws::detail::runtime = &runtime();
  const ws::Dialer dialer{.subprotocols = {"a"}};
  std::string subprotocol;
  tests::TaskOnLoop task(thread, [&]() -> ws::Task<> {
    if (const auto result = co_await dialer.dial("ws://" + listener.authority()))
      subprotocol = result.client->subprotocol();
  });
  server = listener.accept();
  tests::accept_handshake(server, "Sec-WebSocket-Protocol: a\r\n");
  ASSERT_TRUE(task.wait());
  EXPECT_EQ(subprotocol, "a");
}

ws::Task<> hold(ws::Conn& conn, ws::Client client) {
  while (co_await conn.read()) continue;
  [[maybe_unused]] const ws::Client held = std::move(client);
}

TEST_F(Dialed, MayBeHeldByItsOwnSibling) {
  connect();
  thread.call([&] {
    ws::Conn& conn = *dialing->result.client;
    conn.spawn(hold(conn, std::move(dialing->result.client)));
  });
  server.send(close_frame(Role::server, 1000));
  expect_close(1000);
  EXPECT_TRUE(server.receives_end());
  server.close();
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST_F(Dialed, StopsWhoReadsOnAndOnAfterTheEnd) {
  connect();
  server.close();
  int reads = 0;
  tests::TaskOnLoop task(thread, [&]() -> ws::Task<> {
    for (;; ++reads) co_await dialing->result.client->read();
  });
  EXPECT_TRUE(thread.wait_until([&] { return reads >= 100; }));
  EXPECT_LT(thread.call([&] { return reads; }), 100'000);
}

// ---- what it shares with other connections

TEST_F(Dialed, HasASenderThatOutlivesIt) {
  connect();
  ws::detail::runtime = &runtime();
  ws::Sender sender = thread.call([&] { return dialing->result.client->sender(); });
  EXPECT_FALSE(sender.send(MessageType::text, "from elsewhere"));
  expect_frame(Opcode::text, "from elsewhere");
  dialing->drop();
  expect_close(1001);
  end(1001);
  EXPECT_TRUE(thread.wait_until_empty());
  EXPECT_TRUE(sender.send(MessageType::text, "late"));
}

TEST_F(Dialed, SaysGoodbyeAtTheLoopsEnd) {
  connect();
  thread.loop().post_stop(tests::patience);
  expect_close(1001);
}

// ---- at the loop's end a handler's session may go before the connections it dialed, or after

struct Notes {
  std::string url;
  bool is_read = false;
};
Notes notes;

ws::Task<> dial_and_read(ws::Conn&) {
  const ws::Dialer dialer;
  ws::DialResult result = co_await dialer.dial(notes.url);
  notes.is_read = static_cast<bool>(result);
  result.client->spawn([](ws::Conn& conn) -> ws::Task<> { co_await conn.close(); }(*result.client));
  ws::MessageWriter writer = result.client->next_writer(MessageType::text);
  co_await result.client->read();
}

TEST_F(Dialed, MayGoBeforeItsLoop) {
  ws::detail::runtime = &runtime();
  notes = {.url = "ws://" + listener.authority()};
  tests::HandlerOnLoop session(dial_and_read);
  server = listener.accept();
  tests::accept_handshake(server);
  expect_close(1000);
  session.thread.stop();
  EXPECT_TRUE(notes.is_read);
  EXPECT_TRUE(server.receives_end());
}

TEST(DialedSession, MayOutliveItsLoop) {
  struct Owner final : ws::detail::TaskOwner {
    void on_task_done() noexcept override { ADD_FAILURE() << "it has been resumed"; }
  } owner;
  const auto dial = [](const std::string& url, bool& is_there) -> ws::Task<> {
    const ws::Dialer dialer;
    const auto result = co_await dialer.dial(url);
    is_there = static_cast<bool>(result);
    ws::Conn& conn = *result.client;
    conn.subscribe("room");
    conn.set_read_deadline(std::chrono::hours(1));
    conn.spawn([](ws::Conn& own) -> ws::Task<> { co_await own.read(); }(conn));
    ws::MessageWriter writer = conn.next_writer(MessageType::text);
    [[maybe_unused]] const auto error = co_await writer.write("x");
    co_await conn.read();
  };
  ws::detail::runtime = &runtime();
  LoopThread thread;
  Listener listener;
  const std::string url = "ws://" + listener.authority();
  bool is_there = false;
  ws::Task<> task;
  thread.call([&] {
    task = dial(url, is_there);
    task.start(owner);
  });
  Peer server = listener.accept();
  tests::accept_handshake(
      server, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n");
  ASSERT_TRUE(thread.wait_until([&] { return is_there; }));
  thread.stop();
  EXPECT_FALSE(server.receive(1).empty());  // the Close it has sent, or some of the message
  task = {};
}

}  // namespace
}  // namespace mod_ws::handler
