#include <gtest/gtest.h>

#include "tests/support/noting_handler.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::close_frame;
using tests::frame;
using tests::operator+;
using ws::CloseCode;
using ws::MessageType;

/// What the handlers below note down, on the loop's thread.
std::vector<std::string>& notes = tests::notes.lines;

class ReadingHandler : public tests::HandlerOnLoop {
 public:
  explicit ReadingHandler(ws::HandlerFunction handler, tests::HandlerOptions options = {})
      : tests::HandlerOnLoop((notes.clear(), handler), std::move(options)) {}

  bool wait_for(const std::vector<std::string>& expected) {
    return wait_until([&] { return notes == expected; });
  }
};

ws::Task<> note_pieces(ws::Conn& conn) {
  while (auto reader = co_await conn.next_reader()) {
    notes.push_back(reader->type() == ws::MessageType::text ? "text" : "binary");
    while (auto piece = co_await reader->read()) notes.push_back(*piece);
    notes.emplace_back("end");
  }
  notes.emplace_back("over");
}

Bytes fragment(Opcode opcode, std::string_view payload, bool fin) {
  return tests::frame({.sender = Role::client, .opcode = opcode, .fin = fin}, payload);
}

Bytes message(std::string_view payload, Opcode opcode = Opcode::text) {
  return fragment(opcode, payload, true);
}

TEST(MessageReader, GivesPiecesBeforeTheMessageEnds) {
  ReadingHandler session(note_pieces);
  session.client.send(fragment(Opcode::text, "first", false));
  EXPECT_TRUE(session.wait_for({"text", "first"}));
  session.client.send(fragment(Opcode::continuation, "second", false));
  EXPECT_TRUE(session.wait_for({"text", "first", "second"}));
  session.client.send(fragment(Opcode::continuation, "last", true));
  EXPECT_TRUE(session.wait_for({"text", "first", "second", "last", "end"}));
}

TEST(MessageReader, GivesPartsOfAFrame) {
  ReadingHandler session(note_pieces);
  const Bytes whole = message("0123456789", Opcode::binary);
  session.client.send(Bytes(whole.begin(), whole.end() - 4));
  EXPECT_TRUE(session.wait_for({"binary", "012345"}));
  session.client.send(Bytes(whole.end() - 4, whole.end()));
  EXPECT_TRUE(session.wait_for({"binary", "012345", "6789", "end"}));
}

TEST(MessageReader, EndsAtOnceForAnEmptyMessage) {
  ReadingHandler session(note_pieces);
  session.client.send(message({}));
  EXPECT_TRUE(session.wait_for({"text", "end"}));
}

TEST(MessageReader, EndsWithTheSession) {
  ReadingHandler session(note_pieces);
  session.client.send(fragment(Opcode::text, "first", false));
  EXPECT_TRUE(session.wait_for({"text", "first"}));
  session.client.close();
  EXPECT_TRUE(session.wait_for({"text", "first", "end", "over"}));
}

TEST(MessageReader, ReadsManyMessagesInOrder) {
  ReadingHandler session(note_pieces);
  std::vector<std::string> expected;
  Bytes all;
  for (int i = 0; i < 20; ++i) {
    const std::string text = std::to_string(i);
    tests::operator+=(all, message(text));
    for (const std::string& note : {std::string("text"), text, std::string("end")})
      expected.push_back(note);
  }
  session.client.send(all);
  EXPECT_TRUE(session.wait_for(expected));
}

/// Reads one piece of each message, then asks for the next one, in turn as a reader and whole.
ws::Task<> note_first_pieces(ws::Conn& conn) {
  while (auto reader = co_await conn.next_reader()) {
    notes.push_back((co_await reader->read()).value_or("nothing"));
    const auto whole = co_await conn.read();
    if (!whole) break;
    notes.push_back("whole " + whole->payload);
    notes.push_back((co_await reader->read()).value_or("stale"));
  }
}

TEST(MessageReader, DropsWhatIsNotRead) {
  ReadingHandler session(note_first_pieces);
  session.client.send(fragment(Opcode::text, "a1", false));
  EXPECT_TRUE(session.wait_for({"a1"}));
  session.client.send(fragment(Opcode::continuation, "a2", false));
  session.client.send(fragment(Opcode::continuation, "a3", true));
  session.client.send(message("b"));
  EXPECT_TRUE(session.wait_for({"a1", "whole b", "stale"}));
  session.client.send(message("c"));
  EXPECT_TRUE(session.wait_for({"a1", "whole b", "stale", "c"}));
}

ws::Task<> never_read(ws::Conn& conn) {
  while (auto reader = co_await conn.next_reader()) {
    notes.emplace_back("began");
    co_await conn.close();
  }
}

TEST(MessageReader, HoldsTheSizeLimitAcrossPieces) {
  connection::Policy policy;
  policy.client_limits.max_message_bytes = 8;
  ReadingHandler session(note_pieces, {.policy = policy});
  session.client.send(fragment(Opcode::text, "12345", false));
  EXPECT_TRUE(session.wait_for({"text", "12345"}));
  session.client.send(fragment(Opcode::continuation, "6789", false));
  session.expect_close_and_answer(1009);
}

TEST(MessageReader, LeavesASessionThatClosesInTheMiddle) {
  ReadingHandler session(never_read);
  session.client.send(fragment(Opcode::text, "first", false));
  session.expect_close_and_answer(1000);
}

TEST(ConnReceiving, HoldsBackAClientNobodyReads) {
  tests::NotingHandler session(tests::sleep_for_ever, {.buffer_bytes = 4096});
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

TEST(ConnReceiving, GivesMessagesThatCameBeforeAnyoneAsked) {
  tests::NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        // Written until the client takes some: meanwhile its messages come.
        const std::string much(300'000, 'x');
        if (co_await conn.write(MessageType::text, much)) co_return;
        for (int i = 0; i < 4; ++i) {
          auto message = co_await conn.read();
          if (!message) break;
          tests::notes.messages.push_back(std::move(*message));
        }
        ++tests::notes.step;
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

TEST(ConnReceiving, ReadsNothingMoreAfterTheEnd) {
  tests::NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    while (co_await conn.read()) continue;
    for (int i = 0; i < 10; ++i) {
      if (co_await conn.read()) tests::notes.lines.emplace_back("a message");
    }
    tests::notes.status = conn.close_status();
    ++tests::notes.step;
  });
  session.client.send(close_frame(Role::client, 1000));
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_TRUE(tests::notes.lines.empty());
  EXPECT_EQ(tests::notes.status->code, CloseCode::normal_closure);
}

}  // namespace
}  // namespace mod_ws::handler
