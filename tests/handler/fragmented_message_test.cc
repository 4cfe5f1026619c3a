#include "mod_ws/handler/fragmented_message.h"

#include <gtest/gtest.h>

#include "tests/support/noting_handler.h"
#include "ws/channel.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::close_frame;
using tests::expect_text;
using tests::frame;
using tests::note;
using tests::notes;
using tests::NotingHandler;
using ws::MessageType;

void expect_fragment(tests::Peer& client, Opcode opcode, std::string_view payload, bool fin) {
  const auto received = client.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->opcode, opcode);
  EXPECT_EQ(received->text(), payload);
  EXPECT_EQ(received->fin, fin);
  EXPECT_EQ(received->rsv, 0);
}

TEST(FragmentedMessage, SendsEachPieceAsAFragment) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto writer = conn.next_writer(MessageType::binary);
    for (const auto* piece : {"one", "", "\xFF"}) note(co_await writer.write(piece));
    note(co_await writer.finish("end"));
    auto second = conn.next_writer(MessageType::text);
    note(co_await second.finish("whole"));
  });
  expect_fragment(session.client, Opcode::binary, "one", false);
  expect_fragment(session.client, Opcode::continuation, "", false);
  expect_fragment(session.client, Opcode::continuation, "\xFF", false);
  expect_fragment(session.client, Opcode::continuation, "end", true);
  expect_fragment(session.client, Opcode::text, "whole", true);
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>(5, "no error"));
}

TEST(FragmentedMessage, EndsWithAnEmptyFragmentWhereItsWriterIsDestroyed) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    {
      auto writer = conn.next_writer(MessageType::text);
      note(co_await writer.write("begun"));
    }
    { const auto unused = conn.next_writer(MessageType::text); }
    note(co_await conn.write(MessageType::text, "next"));
  });
  expect_fragment(session.client, Opcode::text, "begun", false);
  expect_fragment(session.client, Opcode::continuation, "", true);
  expect_text(session.client, "next");
  session.expect_close_and_answer(1000);
}

TEST(FragmentedMessage, MayBeCutInsideACharacter) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto writer = conn.next_writer(MessageType::text);
    note(co_await writer.write("\xE2"));
    note(co_await writer.write("\x82"));
    note(co_await writer.finish());
    note(co_await writer.write("no continuation"));
    note(co_await writer.finish("\xAC"));
  });
  expect_fragment(session.client, Opcode::text, "\xE2", false);
  expect_fragment(session.client, Opcode::continuation, "\x82", false);
  expect_fragment(session.client, Opcode::continuation, "\xAC", true);
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, (std::vector<std::string>{"no error", "no error", "the text is not UTF-8",
                                                   "the text is not UTF-8", "no error"}));
}

TEST(FragmentedMessage, ClosesWith1011WhenItIsLeftInsideACharacter) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    {
      auto writer = conn.next_writer(MessageType::text);
      note(co_await writer.write("\xE2"));
    }
    note(co_await conn.write(MessageType::text, "next"));
    co_await conn.read();
  });
  expect_fragment(session.client, Opcode::text, "\xE2", false);
  session.expect_close_and_answer(1011);
  EXPECT_EQ(notes.lines.back(), "the connection is closed");
}

TEST(FragmentedMessage, HasNotBegunWhileItsFirstPieceIsRefused) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto writer = conn.next_writer(MessageType::text);
    note(co_await writer.write("\xFF"));
    note(co_await conn.write(MessageType::text, "need not wait"));
    note(co_await writer.write("good"));
    note(co_await writer.write("\xFF"));
    note(co_await writer.finish());
    {
      auto refused = conn.next_writer(MessageType::text);
      note(co_await refused.finish("\xFF"));
    }
  });
  expect_text(session.client, "need not wait");
  expect_fragment(session.client, Opcode::text, "good", false);
  expect_fragment(session.client, Opcode::continuation, "", true);
  session.expect_close_and_answer(1000);
}

/// Begins a message, and goes on with it at each message of the client's; the third one ends it.
ws::Task<> write_slowly(ws::Conn& conn, std::string name) {
  auto writer = conn.next_writer(MessageType::text);
  note(co_await writer.write(name + "1"));
  co_await conn.read();
  note(co_await writer.finish(name + "2"));
  ++notes.step;
}

ws::Task<> write_once(ws::Conn& conn, std::string text) {
  const auto error = co_await conn.write(MessageType::text, text);
  if (!error) notes.lines.push_back("sent " + text);
}

TEST(FragmentedMessage, HoldsWhatOthersWriteUntilItsEnd) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    notes.conn = &conn;
    conn.spawn(write_slowly(conn, "a"));
    conn.spawn(write_once(conn, "first"));
    conn.spawn([](ws::Conn& sibling_conn) -> ws::Task<> {
      const ws::PreparedMessage prepared(MessageType::text, "prepared");
      note(co_await sibling_conn.write(prepared));
    }(conn));
    static_cast<ConnSession&>(conn).deliver(runtime().prepare(MessageType::text, "published"));
    conn.spawn(write_once(conn, "last"));
    notes.lines.emplace_back("all wait");
    co_await std::suspend_always();
  });
  expect_fragment(session.client, Opcode::text, "a1", false);
  session.client.send(frame({.opcode = Opcode::ping}, "not held"));
  EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::pong);
  session.thread.call([] {
    EXPECT_EQ(notes.lines, (std::vector<std::string>{"no error", "all wait"}));
  });
  session.client.send(frame({}, "go on"));
  expect_fragment(session.client, Opcode::continuation, "a2", true);
  for (const auto* text : {"first", "prepared", "published", "last"})
    expect_text(session.client, text);
  EXPECT_TRUE(session.wait_for_lines(
      {"no error", "all wait", "no error", "sent first", "no error", "sent last"}));
}

TEST(FragmentedMessage, LetsAnotherOneFollow) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn(write_slowly(conn, "a"));
    conn.spawn(write_slowly(conn, "b"));
    conn.spawn(write_once(conn, "behind both"));
    conn.spawn([](ws::Conn& sibling_conn) -> ws::Task<> {
      auto writer = sibling_conn.next_writer(MessageType::text);
      note(co_await writer.finish("in one"));
    }(conn));
    co_await std::suspend_always();
  });
  expect_fragment(session.client, Opcode::text, "a1", false);
  session.client.send(frame({}, "go on"));
  expect_fragment(session.client, Opcode::continuation, "a2", true);
  expect_fragment(session.client, Opcode::text, "b1", false);
  session.client.send(frame({}, "go on"));
  expect_fragment(session.client, Opcode::continuation, "b2", true);
  expect_text(session.client, "behind both");
  expect_text(session.client, "in one");
  EXPECT_TRUE(session.wait_for_step(2));
}

TEST(FragmentedMessage, EndsWhatIsHeldWithTheSession) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto writer = conn.next_writer(MessageType::text);
    note(co_await writer.write("begun"));
    conn.spawn([](ws::Conn& sibling_conn) -> ws::Task<> {
      note(co_await sibling_conn.write(MessageType::text, "held"));
    }(conn));
    static_cast<ConnSession&>(conn).deliver(runtime().prepare(MessageType::text, "published"));
    co_await conn.read();
    note(co_await writer.write("more"));
  });
  EXPECT_TRUE(session.client.receive_frame());
  session.client.send(close_frame(Role::client, 1000));
  EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::close);
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  EXPECT_EQ(notes.lines, (std::vector<std::string>{"no error", "the connection is closed",
                                                   "the connection is closed"}));
}

TEST(FragmentedMessage, IsLeftByALoopThatEnds) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto writer = conn.next_writer(MessageType::text);
    note(co_await writer.write("begun"));
    conn.spawn(write_once(conn, "held"));
    ++notes.step;
    co_await std::suspend_always();
  });
  ASSERT_TRUE(session.wait_for_step(1));
  session.thread.stop();
  EXPECT_EQ(notes.lines, std::vector<std::string>{"no error"});
}

TEST(FragmentedMessage, WaitsForASlowClient) {
  NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        auto writer = conn.next_writer(MessageType::binary);
        const std::string piece(50'000, 'x');
        for (notes.step = 0; notes.step < 20; ++notes.step)
          if (co_await writer.write(piece)) break;
      },
      {.buffer_bytes = 4096});
  for (int i = 0; i < 20; ++i) {
    EXPECT_LE(session.thread.call([] { return notes.step; }), i + 4);
    ASSERT_TRUE(session.client.receive_frame());
  }
}

// ---- compressed

std::string inflated(const std::vector<tests::Peer::Received>& frames) {
  protocol::ZlibPool pool;
  protocol::Inflater inflater(pool, false);
  std::string text;
  std::vector<std::uint8_t> space(4096);
  for (const auto& one : frames) {
    inflater.give(one.payload, one.fin);
    std::span<std::uint8_t> output;
    protocol::Inflater::Result result;
    while ((result = inflater.inflate_some(space, output)) == protocol::Inflater::Result::output)
      text += tests::text_of(output);
    EXPECT_EQ(result, protocol::Inflater::Result::finished);
    text += tests::text_of(output);
  }
  return text;
}

std::vector<tests::Peer::Received> receive_message(tests::Peer& client) {
  std::vector<tests::Peer::Received> frames;
  do {
    auto one = client.receive_frame();
    if (!one) break;
    frames.push_back(std::move(*one));
  } while (!frames.back().fin);
  return frames;
}

std::string number_line(int number) { return "line " + std::to_string(number * number) + "\n"; }

TEST(FragmentedMessage, InflatesToTheWholeWhenItIsCompressed) {
  NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        {
          auto writer = conn.next_writer(MessageType::text);
          for (int i = 0; i < 20'000; ++i)
            if (co_await writer.write(number_line(i))) break;
          note(co_await writer.finish("end"));
        }
        auto left = conn.next_writer(MessageType::text);
        note(co_await left.write("kept by zlib until it is left"));
      },
      {.compression = tests::agreed_compression(false)});
  const auto frames = receive_message(session.client);
  ASSERT_GT(frames.size(), 2U);
  EXPECT_EQ(frames[0].rsv, protocol::rsv1_bit);
  EXPECT_EQ(frames[0].opcode, Opcode::text);
  for (std::size_t i = 1; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].rsv, 0);
    EXPECT_EQ(frames[i].opcode, Opcode::continuation);
    EXPECT_FALSE(frames[i].payload.empty());
  }
  std::string expected;
  for (int i = 0; i < 20'000; ++i) expected += number_line(i);
  EXPECT_TRUE(inflated(frames) == expected + "end");
  EXPECT_EQ(inflated(receive_message(session.client)), "kept by zlib until it is left");
  session.expect_close_and_answer(1000);
}

TEST(FragmentedMessages, HaveNoPieceBehindTheirEnd) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto writer = conn.next_writer(MessageType::text);
    note(co_await writer.write("a"));
    note(co_await writer.finish("b"));
    note(co_await writer.write("c"));
    note(co_await writer.finish());
    auto next = conn.next_writer(MessageType::text);
    note(co_await next.finish("d"));
  });
  EXPECT_TRUE(session.wait_for_lines(
      {"no error", "no error", "the message is finished", "the message is finished", "no error"}));
  for (const char* const text : {"a", "b", "d"})
    EXPECT_EQ(session.client.receive_frame()->text(), text);
}

}  // namespace
}  // namespace mod_ws::handler
