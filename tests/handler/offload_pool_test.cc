#include "mod_ws/handler/offload_pool.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <set>
#include <stdexcept>
#include <thread>

#include "mod_ws/handler/loop_runtime.h"
#include "tests/support/noting_handler.h"
#include "ws/dialer.h"
#include "ws/offload.h"

namespace mod_ws::handler {
namespace {

using tests::Alive;
using tests::notes;
using tests::NotingHandler;

/// Holds up jobs until it is opened.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++come_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
  }
  bool wait_for(unsigned come) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, tests::patience, [&] { return come_ >= come; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  unsigned come_ = 0;
};

class OffloadPoolTest : public testing::Test {
 protected:
  void run(std::function<void()> work, std::function<void()> done) {
    wanted_.push_back(
        thread_.call([&] { return pool_.run(std::move(work), thread_.loop(), std::move(done)); }));
  }
  OffloadPool pool_;
  std::vector<std::shared_ptr<void>> wanted_;
  tests::LoopThread thread_;
};

TEST_F(OffloadPoolTest, WorksOnAnotherThreadAndEndsOnTheLoops) {
  std::thread::id worker;
  std::thread::id ender;
  run([&] { worker = std::this_thread::get_id(); }, [&] { ender = std::this_thread::get_id(); });
  ASSERT_TRUE(thread_.wait_until([&] { return ender != std::thread::id(); }));
  EXPECT_EQ(ender, thread_.call([] { return std::this_thread::get_id(); }));
  EXPECT_NE(worker, ender);
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST_F(OffloadPoolTest, RunsManyJobsOnAFewThreads) {
  Gate gate;
  constexpr unsigned jobs = 3 * OffloadPool::max_threads;
  unsigned done = 0;
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (unsigned i = 0; i < jobs; ++i) {
    run(
        [&] {
          gate.pass();
          const std::lock_guard lock(mutex);
          threads.insert(std::this_thread::get_id());
        },
        [&] { ++done; });
  }
  EXPECT_TRUE(gate.wait_for(OffloadPool::max_threads)) << "so many run at once";
  gate.open();
  EXPECT_TRUE(thread_.wait_until([&] { return done == jobs; }));
  EXPECT_LE(threads.size(), OffloadPool::max_threads);
}

TEST_F(OffloadPoolTest, UsesAThreadAgain) {
  std::set<std::thread::id> threads;
  unsigned done = 0;
  for (unsigned i = 0; i < 20; ++i) {
    run([&] { threads.insert(std::this_thread::get_id()); }, [&] { ++done; });
    ASSERT_TRUE(thread_.wait_until([&] { return done == i + 1; }));
  }
  EXPECT_LE(threads.size(), 2U) << "it may not have come back yet when the next job comes";
}

TEST_F(OffloadPoolTest, MayGoBeforeItsJobsAreDone) {
  Gate gate;
  bool is_done = false;
  std::shared_ptr<void> wanted;
  {
    OffloadPool pool;
    wanted = thread_.call(
        [&] { return pool.run([&] { gate.pass(); }, thread_.loop(), [&] { is_done = true; }); });
    ASSERT_TRUE(gate.wait_for(1));
  }
  gate.open();
  EXPECT_TRUE(thread_.wait_until([&] { return is_done; }));
}

TEST_F(OffloadPoolTest, DropsAtOnceWhatHasNotBegunAndNobodyWantsAnyMore) {
  Gate gate;
  unsigned done = 0;
  for (unsigned i = 0; i < OffloadPool::max_threads; ++i)
    run([&] { gate.pass(); }, [&] { ++done; });
  ASSERT_TRUE(gate.wait_for(OffloadPool::max_threads));
  const auto held = std::make_shared<int>();
  bool has_run = false;
  run([&has_run, held] { has_run = true; }, [&has_run, held] { has_run = true; });
  run([] {}, [&] { ++done; });
  wanted_.erase(wanted_.end() - 2);
  EXPECT_EQ(held.use_count(), 1);
  wanted_.erase(wanted_.begin());  // under way: it runs to its end
  gate.open();
  EXPECT_TRUE(thread_.wait_until([&] { return done == OffloadPool::max_threads + 1; }));
  EXPECT_FALSE(has_run);
}

// ---- ws::offload()

TEST(Offload, ResumesWithTheResult) {
  NotingHandler session([](ws::Conn&) -> ws::Task<> {
    const auto loop_thread = std::this_thread::get_id();
    notes.lines.push_back(co_await ws::offload([] { return std::string("result"); }));
    const auto worker = co_await ws::offload([] { return std::this_thread::get_id(); });
    EXPECT_NE(worker, loop_thread);
    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
    const auto make = [given = std::make_shared<int>(7)] { return std::make_unique<int>(*given); };
    const auto owned = co_await ws::offload(make);
    EXPECT_EQ(*owned, 7);
    co_await ws::offload([] {});
  });
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"result"});
}

TEST(Offload, ThrowsWhatTheFunctionThrows) {
  NotingHandler session([](ws::Conn&) -> ws::Task<> {
    try {
      co_await ws::offload([]() -> int { throw std::runtime_error("no"); });
    } catch (const std::runtime_error& error) {
      notes.lines.emplace_back(error.what());
    }
    co_await ws::offload([] { throw 42; });
  });
  session.expect_close_and_answer(1011);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"no"});
}

std::atomic<bool> has_run;
Gate* gate = nullptr;
std::weak_ptr<int> owned_by_work;

TEST(Offload, RunsToItsEndWhenNobodyWaitsAnyMore) {
  Gate here;
  gate = &here;
  has_run = false;
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn([]() -> ws::Task<> {
      const Alive alive;
      const auto own = std::make_shared<int>();
      owned_by_work = own;
      const auto work = [own] {
        gate->pass();
        has_run = true;
      };
      co_await ws::offload(work);
      ++notes.step;
    }());
    co_return;
  });
  ASSERT_TRUE(here.wait_for(1));
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.alive, 0);
  here.open();
  EXPECT_TRUE(session.wait_until([] { return owned_by_work.expired(); }));
  EXPECT_TRUE(has_run);
  EXPECT_EQ(notes.step, 0);
}

/// All threads of the process's pool are kept busy, until it lets go.
class AllThreadsKept {
 public:
  AllThreadsKept() {
    for (unsigned i = 0; i < OffloadPool::max_threads; ++i) {
      wanted_.push_back(thread_.call(
          [this] { return runtime().offload([this] { gate_.pass(); }, [this] { ++done_; }); }));
    }
    EXPECT_TRUE(gate_.wait_for(OffloadPool::max_threads));
  }
  ~AllThreadsKept() { let_go(); }

  void let_go() {
    gate_.open();
    EXPECT_TRUE(thread_.wait_until([this] { return done_ == OffloadPool::max_threads; }));
  }

 private:
  Gate gate_;
  unsigned done_ = 0;
  std::vector<std::shared_ptr<void>> wanted_;
  tests::LoopThread thread_;
};

TEST(Offload, DropsWhatHasNotBegunWhenItsSessionEnds) {
  AllThreadsKept kept;
  has_run = false;
  {
    NotingHandler session([](ws::Conn&) -> ws::Task<> {
      std::vector<ws::Pending<void>> begun;
      for (unsigned i = 0; i < 30; ++i) begun.push_back(ws::offload([] { has_run = true; }));
      co_return;
    });
    session.expect_close_and_answer(1000);
  }
  kept.let_go();
  NotingHandler session([](ws::Conn&) -> ws::Task<> {
    co_await ws::offload([] {});
    ++notes.step;
  });
  EXPECT_TRUE(session.wait_for_step(1));
  EXPECT_FALSE(has_run);
}

TEST(Offload, LeavesThreadsToDialing) {
  const AllThreadsKept kept;
  NotingHandler session([](ws::Conn&) -> ws::Task<> {
    ws::Dialer dialer;
    const auto result = co_await dialer.dial("ws://localhost:1/");
    EXPECT_EQ(result.error.kind, ws::DialError::Kind::connect) << result.error.message;
    ++notes.step;
  });
  EXPECT_TRUE(session.wait_for_step(1));
}

TEST(Offload, WaitsForAllThatWereBegun) {
  NotingHandler session([](ws::Conn&) -> ws::Task<> {
    std::vector<ws::Pending<int>> begun;
    for (int i = 0; i < 30; ++i) begun.push_back(ws::offload([i] { return i; }));
    int sum = 0;
    for (auto& one : begun) sum += co_await one;
    notes.lines.push_back(std::to_string(sum));
  });
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"435"});
}

TEST(OffloadPool, BeginsNothingWhileItIsHeld) {
  tests::LoopThread thread;
  OffloadPool pool;
  { const auto held = pool.hold(std::chrono::milliseconds(0)); }
  std::promise<void> worked;
  const auto wanted =
      thread.call([&] { return pool.run([&] { worked.set_value(); }, thread.loop(), [] {}); });
  auto work = worked.get_future();
  EXPECT_EQ(work.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  pool.go_on();
  EXPECT_EQ(work.wait_for(tests::patience), std::future_status::ready);
  thread.call([] {});  // the end of the work has come to the loop
}

}  // namespace
}  // namespace mod_ws::handler
