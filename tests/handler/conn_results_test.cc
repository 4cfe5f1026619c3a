// What writes and pings say when the session ends meanwhile, and what compression makes of them;
// the rest of sending is in conn_sending_test.cc.

#include <gtest/gtest.h>

#include <array>

#include "tests/support/noting_handler.h"
#include "ws/time.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using tests::close_frame;
using tests::frame;
using tests::note;
using tests::notes;
using tests::NotingHandler;
using tests::operator+;
using ws::CloseCode;
using ws::MessageType;

TEST(ConnResults, HasPongsAndMessagesCountThatCameBeforeTheClose) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    const auto error = co_await conn.ping("x");
    note(error);
    ++notes.step;
  });
  ASSERT_TRUE(session.client.receive_frame());
  session.client.send(frame({.opcode = Opcode::pong}, "x") +
                      close_frame(protocol::Role::client, 1000));
  ASSERT_TRUE(session.wait_for_lines({"no error"}));
}

TEST(ConnResults, SaysOfAQueuedMessageThatItWasSentWhenTheClientCloses) {
  constexpr std::size_t size = 3'000'000;
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    const std::string large(size, 'b');
    const auto error = co_await conn.write(MessageType::binary, large);
    note(error);
  });
  session.client.send(close_frame(protocol::Role::client, 1000));
  ASSERT_TRUE(session.wait_for_lines({"no error"}));
  const auto received = session.client.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->payload.size(), size);
}

TEST(ConnResults, LetsASiblingFailWhileTheHandlerCleansUp) {
  static const auto write_a_list = [](ws::Conn& conn) -> ws::Task<> {
    while (conn.close_status().code == CloseCode::no_status_received) co_await ws::sleep_for(1ms);
    for (int i = 0; i < 1000; ++i) {
      [[maybe_unused]] const auto error = co_await conn.write(MessageType::text, "line");
    }
  };
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn(write_a_list(conn));
    while (const auto message = co_await conn.read()) {
    }
    co_await ws::sleep_for(50ms);
    ++notes.step;
  });
  session.client.close();
  EXPECT_TRUE(session.wait_for_step(1));
}

TEST(ConnResults, ChangesTheLevelOfCompressionBetweenMessages) {
  static std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919 % 1000) + " words, ";
  for (const bool keeps_context : {false, true}) {
    SCOPED_TRACE(keeps_context);
    NotingHandler session(
        [](ws::Conn& conn) -> ws::Task<> {
          for (const int level : {1, 9, -5}) {
            conn.set_compression_level(level);
            const auto error = co_await conn.write(MessageType::text, text);
            note(error);
          }
        },
        {.compression = tests::agreed_compression(keeps_context)});
    protocol::ZlibPool pool;
    protocol::Inflater inflater(pool, keeps_context);
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 3; ++i) {
      const auto received = session.client.receive_frame();
      ASSERT_TRUE(received);
      sizes.push_back(received->payload.size());
      inflater.give(received->payload, true);
      std::string inflated;
      std::array<std::uint8_t, 4096> space;
      std::span<std::uint8_t> output;
      while (inflater.inflate_some(space, output) == protocol::Inflater::Result::output)
        inflated.append(output.begin(), output.end());
      EXPECT_TRUE(inflated == text);
    }
    if (keeps_context) continue;
    EXPECT_LT(sizes[1], sizes[0]);
    EXPECT_EQ(sizes[2], sizes[0]);
  }
}

}  // namespace
}  // namespace mod_ws::handler
