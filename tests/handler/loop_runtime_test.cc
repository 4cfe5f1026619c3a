#include "mod_ws/handler/loop_runtime.h"

#include <gtest/gtest.h>

#include "tests/support/mesh_member.h"
#include "tests/support/noting_handler.h"
#include "tests/support/task_on_loop.h"
#include "ws/channel.h"
#include "ws/time.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using tests::Alive;
using tests::expect_text;
using tests::frame;
using tests::notes;
using tests::NotingHandler;
using ws::MessageType;

ws::Task<> note_sleeps(ws::Conn&) {
  const auto begin = std::chrono::steady_clock::now();
  co_await ws::sleep_for(50ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 40ms);
  co_await ws::sleep_for(0ms);
  co_await ws::sleep_for(-1h);
  notes.lines.emplace_back("awake");
}

TEST(SleepFor, ResumesWhenTheTimeHasPassed) {
  NotingHandler session(note_sleeps);
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"awake"});
}

TEST(SleepFor, IsNotAwaitedByACoroutineThatHasEnded) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn([]() -> ws::Task<> {
      const Alive alive;
      co_await ws::sleep_for(30ms);
      notes.lines.emplace_back("nobody is there");
    }());
    static_cast<void>(ws::sleep_for(1ms));
    co_return;
  });
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  EXPECT_EQ(notes.alive, 0);
  // Behind the time it would have ended.
  tests::NotingHandler later(note_sleeps);
  later.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"awake"});
}

TEST(SleepFor, LetsOthersRunMeanwhile) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn([]() -> ws::Task<> {
      for (int i = 0; i < 3; ++i) co_await ws::sleep_for(1ms);
      ++notes.step;
      co_await ws::sleep_for(1h);
    }());
    while (const auto message = co_await conn.read()) {
      if (co_await conn.write(*message)) break;
    }
  });
  session.client.send(frame({}, "1"));
  expect_text(session.client, "1");
  EXPECT_TRUE(session.wait_for_step(1));
}

// ---- channels

/// A session in a child process with an exchange, and another member of the mesh.
class ChannelsOfHandlers : public testing::Test {
 protected:
  void begin(ws::HandlerFunction handler, tests::HandlerOptions options = {}) {
    session_.emplace(handler, std::move(options));
    session_->thread.call([this] {
      auto& loop = session_->thread.loop();
      exchange_ = std::make_unique<channels::Exchange>(
          std::vector{&loop}, std::make_unique<channels::ChildMesh>(*table_, loop));
    });
    runtime().set_exchange(exchange_.get());
    session_->client.send(frame({}, "go"));
  }
  ~ChannelsOfHandlers() override {
    session_->thread.halt();
    runtime().set_exchange(nullptr);
    exchange_.reset();
  }

  std::unique_ptr<channels::MeshTable, channels::MeshTable::Unmap> table_ =
      channels::MeshTable::create();
  tests::MeshMember other_{*table_};
  std::optional<NotingHandler> session_;
  std::unique_ptr<channels::Exchange> exchange_;
};

ws::Task<> subscribe_and_write(ws::Conn& conn) {
  co_await conn.read();
  conn.subscribe("room");
  conn.subscribe("room");
  if (co_await conn.write(MessageType::text, "subscribed")) co_return;
  while (const auto message = co_await conn.read()) {
    if (message->payload == "leave") {
      conn.unsubscribe("room");
      conn.unsubscribe("room");
      conn.unsubscribe("unknown");
      if (co_await conn.write(MessageType::text, "left")) co_return;
    } else {
      ws::publish("room", *message);
    }
  }
}

TEST_F(ChannelsOfHandlers, SendToASubscriberWhatIsPublishedUntilItLeaves) {
  begin(subscribe_and_write);
  expect_text(session_->client, "subscribed");
  ws::publish("room", MessageType::text, "from another thread");
  expect_text(session_->client, "from another thread");
  session_->client.send(frame({}, "its own"));
  expect_text(session_->client, "its own");
  other_.publish("from another process");
  expect_text(session_->client, "from another process");
  ASSERT_TRUE(other_.wait_for(2));
  EXPECT_EQ(other_.payloads(), (std::vector<std::string>{"from another thread", "its own"}));
  session_->client.send(frame({}, "leave"));
  expect_text(session_->client, "left");
  ws::publish("room", MessageType::text, "unheard");
  ASSERT_TRUE(other_.wait_for(3));
  session_->client.send(tests::close_frame(protocol::Role::client, 1000));
  EXPECT_EQ(session_->client.receive_frame()->opcode, protocol::Opcode::close);
}

TEST_F(ChannelsOfHandlers, PublishNoTextThatIsNotUtf8) {
  begin(subscribe_and_write);
  expect_text(session_->client, "subscribed");
  ws::publish("room", MessageType::text, "bad \xFF text");
  ws::publish("room", MessageType::binary, "\xFF");
  EXPECT_EQ(session_->client.receive_frame()->opcode, protocol::Opcode::binary);
  ASSERT_TRUE(other_.wait_for(1));
  EXPECT_EQ(other_.payloads(), std::vector<std::string>{"\xFF"});
}

TEST_F(ChannelsOfHandlers, CountTheirSubscribers) {
  other_.subscribers = 41;
  begin([](ws::Conn& conn) -> ws::Task<> {
    co_await conn.read();
    notes.lines.push_back(std::to_string(co_await ws::count_subscribers("room")));
    conn.subscribe("room");
    notes.lines.push_back(std::to_string(co_await ws::count_subscribers("room")));
    notes.lines.push_back(std::to_string(co_await ws::count_subscribers("hall")));
    static_cast<void>(ws::count_subscribers("room"));  // nobody waits
    co_await conn.read();
  });
  EXPECT_TRUE(session_->wait_for_lines({"41", "42", "0"}));
}

TEST_F(ChannelsOfHandlers, ForgetASessionThatHasEnded) {
  begin([](ws::Conn& conn) -> ws::Task<> {
    co_await conn.read();
    conn.subscribe("room");
    co_await conn.read();
    conn.subscribe("room");  // too late
    ++notes.step;
    co_await std::suspend_always();
  });
  session_->client.send(tests::close_frame(protocol::Role::client, 1000));
  ASSERT_TRUE(session_->wait_for_step(1));
  EXPECT_EQ(other_.count_elsewhere("room"), 0U);
}

TEST_F(ChannelsOfHandlers, MayGoBeforeSessionsThatTheLoopEnds) {
  // As at a child's end: the session is there, and subscribes, when the thread is stopped.
  begin(subscribe_and_write);
  expect_text(session_->client, "subscribed");
}

TEST(Publish, ReachesNobodyWithoutAnExchange) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.subscribe("room");
    ws::publish("room", MessageType::text, "unheard");
    notes.lines.push_back(std::to_string(co_await ws::count_subscribers("room")));
  });
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"0"});
}

TEST(SleepFor, CountsFromItsCallHoweverLongTheTurnHasTaken) {
  tests::LoopThread thread;
  auto slept = engine::Clock::duration::zero();
  ws::detail::runtime = &runtime();
  tests::TaskOnLoop task(thread, [&]() -> ws::Task<> {
    std::this_thread::sleep_for(100ms);  // a handler that works
    const auto begin = engine::Clock::now();
    co_await ws::sleep_for(80ms);
    slept = engine::Clock::now() - begin;
  });
  ASSERT_TRUE(task.wait());
  EXPECT_GE(slept, 80ms);
}

TEST(SleepFor, TakesTheLongestTimeForAYear) {
  tests::LoopThread thread;
  ws::detail::runtime = &runtime();
  bool woke = false;
  tests::TaskOnLoop task(thread, [&]() -> ws::Task<> {
    co_await ws::sleep_for(std::chrono::milliseconds::max());
    woke = true;
  });
  tests::TaskOnLoop other(thread, []() -> ws::Task<> { co_await ws::sleep_for(30ms); });
  EXPECT_TRUE(other.wait());
  EXPECT_FALSE(thread.call([&] { return woke; }));
  task.destroy();
}

TEST(SleepFor, IsRefusedOnAnotherThread) {
  ws::detail::runtime = &runtime();
  EXPECT_THROW(std::ignore = ws::sleep_for(1ms), std::logic_error);
}

}  // namespace
}  // namespace mod_ws::handler
