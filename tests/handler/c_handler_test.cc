#include "mod_ws/handler/c_handler.h"

#include <gtest/gtest.h>

#include "tests/support/noting_handler.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::close_frame;
using tests::expect_text;
using tests::frame;
using tests::notes;
using tests::operator+;

void note_open(ws_session* session) {
  for (const char* text :
       {session->uri, session->remote_address, session->user, session->subprotocol})
    notes.lines.emplace_back(text);
  session->data = new std::string("of the session");
}

void send_text(ws_session* session, std::string_view text) {
  session->send(session, WS_MESSAGE_TEXT, text.data(), text.size());
}

/// Does as the message says.
void obey(ws_session* session, ws_message_type type, const char* payload, std::size_t size) {
  const std::string text(payload, size);
  notes.lines.push_back((type == WS_MESSAGE_TEXT ? "text " : "binary ") + text);
  if (text == "echo") session->send(session, type, payload, size);
  if (text == "two") {
    send_text(session, "1");
    send_text(session, "2");
  }
  if (text == "bad") send_text(session, "\xFF");
  if (text == "large") send_text(session, std::string(300'000, 'x'));
  if (text == "close") {
    session->close(session, 4000, "as told");
    send_text(session, "before the Close");
  }
  if (text == "close without a reason") session->close(session, 1000, nullptr);
}

void note_close(ws_session* session, int code) {
  const std::unique_ptr<std::string> data(static_cast<std::string*>(session->data));
  notes.lines.push_back("closed " + std::to_string(code) + (data ? ", data " + *data : ""));
}

constexpr ws_c_handler obeying{nullptr, obey, note_close};

class CHandlerOnLoop : public tests::HandlerOnLoop {
 public:
  explicit CHandlerOnLoop(const ws_c_handler& handler, tests::HandlerOptions options = {})
      : tests::HandlerOnLoop((notes = {},
                              [&handler](ws::Conn& conn) {
                                notes.conn = &conn;
                                return run_c_handler(conn, handler);
                              }),
                             std::move(options)) {}

  bool wait_for_lines(const std::vector<std::string>& lines) {
    return wait_until([&] { return notes.lines == lines; });
  }
};

TEST(CHandler, IsToldOfOpenMessagesAndClose) {
  constexpr ws_c_handler handler{note_open, obey, note_close};
  CHandlerOnLoop session(handler);
  session.client.send(frame({}, "one") + frame({.opcode = Opcode::binary}, "two and more") +
                      close_frame(Role::client, 4001));
  EXPECT_TRUE(
      session.wait_for_lines({"/chat?room=1", "192.0.2.7:51522", "alice", "chat.v1", "text one",
                              "binary two and more", "closed 4001, data of the session"}));
}

TEST(CHandler, IsToldHowTheSessionEnded) {
  CHandlerOnLoop empty(obeying);
  empty.client.send(frame({.opcode = Opcode::close}, ""));
  EXPECT_TRUE(empty.wait_for_lines({"closed 1005"}));
  CHandlerOnLoop lost(obeying);
  lost.client.close();
  EXPECT_TRUE(lost.wait_for_lines({"closed 1006"}));
}

TEST(CHandler, MayLeaveOutEveryFunction) {
  constexpr ws_c_handler nothing{nullptr, nullptr, nullptr};
  CHandlerOnLoop session(nothing);
  session.client.send(frame({}, "unheard") + close_frame(Role::client, 1000));
  EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::close);
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(CHandler, SendsInOrder) {
  CHandlerOnLoop session(obeying);
  session.client.send(frame({}, "two") + frame({}, "echo") +
                      frame({.opcode = Opcode::binary}, "echo"));
  expect_text(session.client, "1");
  expect_text(session.client, "2");
  expect_text(session.client, "echo");
  EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::binary);
}

TEST(CHandler, SendsWhenItOpens) {
  constexpr ws_c_handler handler{[](ws_session* session) { send_text(session, "hello"); }, nullptr,
                                 nullptr};
  CHandlerOnLoop session(handler);
  expect_text(session.client, "hello");
}

TEST(CHandler, SendsNoTextThatIsNotUtf8AndGoesOn) {
  CHandlerOnLoop session(obeying);
  session.client.send(frame({}, "bad") + frame({}, "two"));
  expect_text(session.client, "1");
}

TEST(CHandler, ClosesBehindWhatItSends) {
  CHandlerOnLoop session(obeying);
  session.client.send(frame({}, "close"));
  expect_text(session.client, "before the Close");
  const auto close = session.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->payload, tests::close_payload(4000, "as told"));
  session.client.send(frame({}, "too late") + close_frame(Role::client, 4002));
  EXPECT_TRUE(session.wait_for_lines({"text close", "closed 4002"}));
}

TEST(CHandler, ClosesWithoutAReason) {
  CHandlerOnLoop session(obeying);
  session.client.send(frame({}, "close without a reason"));
  session.expect_close_and_answer(1000);
}

TEST(CHandler, IsGivenTheNextMessageOnceWhatItSentIsTaken) {
  CHandlerOnLoop session(obeying, {.buffer_bytes = 4096});
  session.client.send(frame({}, "large") + frame({}, "next"));
  ASSERT_TRUE(session.wait_until([] { return notes.conn->buffered_amount() > 100'000; }));
  session.thread.call([] { EXPECT_EQ(notes.lines, std::vector<std::string>{"text large"}); });
  expect_text(session.client, std::string(300'000, 'x'));
  EXPECT_TRUE(session.wait_for_lines({"text large", "text next"}));
}

TEST(CHandler, IsToldTheClientsCodeWhenAWriteFindsItClosed) {
  constexpr ws_c_handler handler{[](ws_session* session) {
                                   send_text(session, std::string(300'000, 'x'));
                                   send_text(session, "not sent");
                                 },
                                 nullptr, note_close};
  CHandlerOnLoop session(handler, {.buffer_bytes = 4096});
  ASSERT_TRUE(session.wait_until([] { return notes.conn->buffered_amount() > 100'000; }));
  // While the first message waits.
  session.thread.call([] { notes.conn->sender().close(); });
  session.thread.call([] {});
  expect_text(session.client, std::string(300'000, 'x'));
  EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::close);
  session.client.send(close_frame(Role::client, 4003));
  EXPECT_TRUE(session.wait_for_lines({"closed 4003"}));
}

TEST(CHandler, ClosesWith1011WhenAFunctionThrows) {
  constexpr ws_c_handler handler{[](ws_session*) { throw 42; }, nullptr, nullptr};
  CHandlerOnLoop session(handler);
  session.expect_close_and_answer(1011);
}

TEST(CHandler, SubscribesAndPublishes) {
  constexpr ws_c_handler handler{
      nullptr,
      [](ws_session* session, ws_message_type type, const char* payload, std::size_t size) {
        session->subscribe(session, "room");
        session->publish("room", type, payload, size);
        session->publish("room", WS_MESSAGE_BINARY, payload, size);
        session->publish("hall", type, payload, size);
      },
      nullptr};
  CHandlerOnLoop session(handler);
  channels::Exchange exchange({&session.thread.loop()}, nullptr);
  runtime().set_exchange(&exchange);
  session.client.send(frame({}, "1") + frame({}, "2"));
  for (const auto* text : {"1", "2"}) {
    expect_text(session.client, text);
    EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::binary);
  }
  session.thread.halt();
  runtime().set_exchange(nullptr);
}

}  // namespace
}  // namespace mod_ws::handler
