#include "mod_ws/handler/session_sender.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

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
using tests::NotingHandler;
using ws::CloseCode;
using ws::MessageType;
using Reason = ws::Error::Reason;

std::optional<ws::Sender> sender;

ws::Task<> give_sender(ws::Conn& conn) {
  sender = conn.sender();
  ++notes.step;
  co_await conn.read();
  notes.status = conn.close_status();
}

class SessionSenderTest : public testing::Test {
 protected:
  void begin(connection::Policy policy = roomy()) {
    session_.emplace(give_sender, tests::HandlerOptions{.policy = policy});
    ASSERT_TRUE(session_->wait_for_step(1));
  }
  ~SessionSenderTest() override {
    session_.reset();
    sender.reset();
  }
  static connection::Policy roomy() {
    return {.send_queue = {.action = connection::SendQueue::Action::close, .limit_bytes = 1 << 20}};
  }
  std::optional<NotingHandler> session_;
};

TEST_F(SessionSenderTest, SendsFromAnotherThreadInOrder) {
  begin();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(sender->send(MessageType::text, std::to_string(i)));
  for (int i = 0; i < 100; ++i) expect_text(session_->client, std::to_string(i));
}

TEST_F(SessionSenderTest, KeepsTheOrderOfEachThreadThatSends) {
  begin();
  std::vector<std::thread> threads;
  for (const char name : {'a', 'b', 'c'}) {
    threads.emplace_back([name, mine = *sender]() mutable {
      for (int i = 0; i < 100; ++i)
        EXPECT_FALSE(mine.send(MessageType::text, name + std::to_string(i)));
    });
  }
  std::map<char, int> next;
  for (int i = 0; i < 300; ++i) {
    const auto message = session_->client.receive_frame();
    ASSERT_TRUE(message);
    const std::string text = message->text();
    EXPECT_EQ(text.substr(1), std::to_string(next[text[0]]++));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SessionSenderTest, SendsNoTextThatIsNotUtf8) {
  begin();
  EXPECT_EQ(sender->send(MessageType::text, "\xFF").reason(), Reason::not_utf8);
  EXPECT_FALSE(sender->send(MessageType::binary, "\xFF"));
  EXPECT_EQ(session_->client.receive_frame()->opcode, Opcode::binary);
}

TEST_F(SessionSenderTest, SaysClosedAfterTheEnd) {
  begin();
  session_->client.send(close_frame(Role::client, 1000));
  EXPECT_TRUE(session_->client.receive_frame());
  session_->client.close();
  EXPECT_TRUE(session_->thread.wait_until_empty());
  EXPECT_EQ(sender->send(MessageType::text, "late").reason(), Reason::closed);
  sender->close();
  session_->thread.stop();
  EXPECT_EQ(sender->send(MessageType::text, "later").reason(), Reason::closed);
  sender->close();
}

TEST_F(SessionSenderTest, SaysClosedAfterTheLoopHasEndedTheSession) {
  begin();
  session_->thread.stop();
  EXPECT_EQ(sender->send(MessageType::text, "late").reason(), Reason::closed);
  sender->close();
}

TEST_F(SessionSenderTest, SaysClosedWhenItIsMadeAfterTheEnd) {
  session_.emplace([](ws::Conn& conn) -> ws::Task<> {
    co_await conn.read();
    sender = conn.sender();
    notes.lines.emplace_back(sender->send(MessageType::text, "late").message());
  });
  session_->client.send(close_frame(Role::client, 1000));
  EXPECT_TRUE(session_->wait_for_lines({"the connection is closed"}));
}

TEST_F(SessionSenderTest, SaysQueueFullWhileMoreThanTheLimitIsOnItsWay) {
  begin({.send_queue = {.action = connection::SendQueue::Action::close, .limit_bytes = 10'000}});
  // While the loop is held up here, nothing is taken.
  session_->thread.call([] {
    const std::string payload(4000, 'x');
    int taken = 0;
    while (!sender->send(MessageType::text, payload)) ASSERT_LT(++taken, 100);
    EXPECT_EQ(taken, 3);
    EXPECT_EQ(sender->send(MessageType::text, "x").reason(), Reason::queue_full);
  });
  for (int i = 0; i < 3; ++i) expect_text(session_->client, std::string(4000, 'x'));
  EXPECT_FALSE(sender->send(MessageType::text, "room again"));
  expect_text(session_->client, "room again");
}

TEST_F(SessionSenderTest, SendsASingleMessageAboveTheLimit) {
  begin({.send_queue = {.action = connection::SendQueue::Action::close, .limit_bytes = 10}});
  EXPECT_FALSE(sender->send(MessageType::text, std::string(1000, 'x')));
  expect_text(session_->client, std::string(1000, 'x'));
}

TEST_F(SessionSenderTest, ClosesBehindWhatItHasSent) {
  begin();
  EXPECT_FALSE(sender->send(MessageType::text, "last"));
  sender->close(static_cast<CloseCode>(4000), "by sender");
  EXPECT_FALSE(sender->send(MessageType::text, "dropped"));
  expect_text(session_->client, "last");
  const auto close = session_->client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->payload, tests::close_payload(4000, "by sender"));
  session_->client.send(close_frame(Role::client, 4001));
  EXPECT_TRUE(session_->client.receives_end());
  session_->client.close();
  EXPECT_TRUE(session_->thread.wait_until_empty());
  EXPECT_EQ(notes.status->code, static_cast<CloseCode>(4001));
}

TEST_F(SessionSenderTest, LeavesAReasonOutThatIsNotUtf8) {
  begin();
  sender->close(CloseCode::normal_closure, "bad \xFF reason");
  EXPECT_EQ(session_->client.receive_frame()->payload, tests::close_payload(1000));
}

TEST_F(SessionSenderTest, ClosesEmptyWithACodeThatMayNotBeSent) {
  begin();
  sender->close(CloseCode::abnormal_closure, "reason");
  EXPECT_TRUE(session_->client.receive_frame()->payload.empty());
}

TEST_F(SessionSenderTest, SendsCompletelyWhileTheSessionEnds) {
  for (int round = 0; round < 20; ++round) {
    begin();
    std::thread sending([mine = *sender]() mutable {
      while (!mine.send(MessageType::text, "x")) std::this_thread::yield();
    });
    EXPECT_TRUE(session_->client.receive_frame());
    session_->client.close();
    EXPECT_TRUE(session_->thread.wait_until_empty());
    sending.join();
  }
}

TEST_F(SessionSenderTest, SaysQueueFullWhileMoreThanTheLimitWaitsForTheClient) {
  tests::HandlerOptions options{.buffer_bytes = 4096};
  options.policy.send_queue = {.action = connection::SendQueue::Action::close,
                               .limit_bytes = 10'000};
  tests::NotingHandler slow(
      [](ws::Conn& conn) -> ws::Task<> {
        notes.conn = &conn;
        ++notes.step;
        while (const auto message = co_await conn.read()) {
        }
      },
      std::move(options));
  ASSERT_TRUE(slow.wait_for_step(1));
  ws::Sender to_slow = slow.thread.call([] { return notes.conn->sender(); });
  const std::string payload(1000, 'x');
  int sent = 0;
  ws::Error error;
  for (; sent < 1000 && !error; sent += error ? 0 : 1) {
    error = to_slow.send(MessageType::binary, payload);
    slow.thread.call([] {});
  }
  EXPECT_EQ(error.reason(), ws::Error::Reason::queue_full);
  for (int i = 0; i < sent; ++i) EXPECT_EQ(slow.client.receive_frame()->payload.size(), 1000U);
  EXPECT_TRUE(slow.wait_until([] { return notes.conn->buffered_amount() == 0; }));
  EXPECT_FALSE(to_slow.send(MessageType::binary, payload));
}

}  // namespace
}  // namespace mod_ws::handler
