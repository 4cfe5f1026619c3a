#include "mod_ws/engine/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "tests/support/deadline.h"

namespace mod_ws::engine {
namespace {

using namespace std::chrono_literals;

struct Counts {
  std::atomic<int> told_to_go = 0;
  std::atomic<int> destroyed = 0;
};

class TestResident final : public Resident {
 public:
  TestResident(EventLoop& loop, Counts& counts) : loop_(loop), counts_(counts) {}
  ~TestResident() override { ++counts_.destroyed; }
  void on_adopted() override {}
  void go_away(const Farewell&) override {
    ++counts_.told_to_go;
    loop_.retire(*this);
  }

 private:
  EventLoop& loop_;
  Counts& counts_;
};

TEST(Engine, SpreadsSessionsOverItsLoops) {
  Counts counts;
  Engine engine(3, {});
  std::set<EventLoop*> loops;
  for (int i = 0; i < 12; ++i) {
    EventLoop& loop = engine.least_loaded();
    loops.insert(&loop);
    loop.post_adoption(std::make_unique<TestResident>(loop, counts));
  }
  EXPECT_EQ(loops.size(), 3U);
  for (const EventLoop* const loop : loops) EXPECT_EQ(loop->resident_count(), 4U);
  engine.stop(60s);
  EXPECT_EQ(counts.told_to_go, 12);
  EXPECT_EQ(counts.destroyed, 12);
}

TEST(Engine, HasAtLeastOneLoop) {
  Engine engine(0, {});
  std::atomic<bool> ran = false;
  engine.least_loaded().post([&] { ran = true; });
  engine.stop(0ms);
  EXPECT_TRUE(ran);
}

TEST(Engine, StopsOnceAndIsDestroyed) {
  Counts counts;
  {
    Engine engine(2, {});
    EventLoop& loop = engine.least_loaded();
    loop.post_adoption(std::make_unique<TestResident>(loop, counts));
    engine.stop(0ms);
    engine.stop(0ms);
  }
  EXPECT_EQ(counts.destroyed, 1);
}

TEST(Engine, BlocksSignalsInItsThreadsOnly) {
  Engine engine(1, {});
  std::atomic<int> blocked = -1;
  engine.least_loaded().post([&] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = ::sigismember(&mask, SIGTERM) + ::sigismember(&mask, SIGHUP);
  });
  engine.stop(0ms);
  EXPECT_EQ(blocked, 2);
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace mod_ws::engine
