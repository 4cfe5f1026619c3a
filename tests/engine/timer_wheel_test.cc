#include "mod_ws/engine/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace mod_ws::engine {
namespace {

using namespace std::chrono_literals;

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> action = {}) : action_(std::move(action)) {}
  void on_timer() override {
    ++fired;
    was_set_when_fired = is_set();
    if (action_) action_();
  }
  int fired = 0;
  bool was_set_when_fired = false;

 private:
  std::function<void()> action_;
};

/// A wheel in simulated time.
struct Simulation {
  const Clock::time_point start = Clock::time_point() + 12'345ms;
  TimerWheel wheel{start};
  void advance_to(std::chrono::milliseconds time) { wheel.advance(start + time); }
  void set(Timer& timer, std::chrono::milliseconds time) { wheel.set(timer, start + time); }
};

TEST(TimerWheel, FiresOnceAndNeverEarly) {
  for (const auto due :
       {0ms, 1ms, 9ms, 10ms, 11ms, 95ms, 10'239ms, 10'240ms, 10'241ms, 123'456ms, 3'600'000ms}) {
    SCOPED_TRACE(due.count());
    Simulation time;
    TestTimer timer;
    time.set(timer, due);
    EXPECT_TRUE(timer.is_set());
    time.advance_to(due - 1ms);
    time.advance_to(due);
    EXPECT_EQ(timer.fired, 0);
    time.advance_to(due + TimerWheel::tick_length);
    EXPECT_EQ(timer.fired, 1);
    EXPECT_FALSE(timer.was_set_when_fired);
    EXPECT_FALSE(timer.is_set());
    time.advance_to(due + 1'000'000ms);
    EXPECT_EQ(timer.fired, 1);
  }
}

TEST(TimerWheel, FiresInSmallSteps) {
  for (const auto due : {0ms, 5ms, 100ms, 15'000ms, 33'333ms}) {
    Simulation time;
    TestTimer timer;
    time.set(timer, due);
    auto fired_at = -1ms;
    for (auto now = 0ms; now < 40'000ms && timer.fired == 0; now += 1ms) {
      time.advance_to(now);
      fired_at = now;
    }
    EXPECT_EQ(timer.fired, 1);
    EXPECT_GE(fired_at, due);
    EXPECT_LE(fired_at, due + TimerWheel::tick_length);
  }
}

TEST(TimerWheel, FiresAtOnceWhatIsOverdue) {
  Simulation time;
  time.advance_to(5'000ms);
  TestTimer timer;
  time.set(timer, 100ms);
  time.advance_to(5'009ms);
  EXPECT_EQ(timer.fired, 0);
  time.advance_to(5'010ms);
  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheel, ForgetsCancelledTimers) {
  Simulation time;
  TestTimer timer;
  time.set(timer, 100ms);
  timer.cancel();
  EXPECT_FALSE(timer.is_set());
  timer.cancel();
  time.advance_to(1'000ms);
  EXPECT_EQ(timer.fired, 0);
}

TEST(TimerWheel, MovesATimerThatIsSetAgain) {
  Simulation time;
  TestTimer later;
  TestTimer sooner;
  time.set(later, 100ms);
  time.set(later, 500ms);
  time.set(sooner, 500ms);
  time.set(sooner, 100ms);
  time.advance_to(200ms);
  EXPECT_EQ(later.fired, 0);
  EXPECT_EQ(sooner.fired, 1);
  time.advance_to(600ms);
  EXPECT_EQ(later.fired, 1);
  EXPECT_EQ(sooner.fired, 1);
}

TEST(TimerWheel, FiresATimerThatSetsItselfOncePerAdvance) {
  // 10,240 ms on is the same slot again, one round later.
  for (const auto delay : {0ms, 10ms, 10'230ms, 10'240ms, 10'250ms, 20'480ms}) {
    Simulation time;
    auto now = 0ms;
    TestTimer* self = nullptr;
    TestTimer timer([&] { time.set(*self, now + delay); });
    self = &timer;
    time.set(timer, 0ms);
    for (int round = 1; round <= 5; ++round) {
      now += delay + TimerWheel::tick_length;
      time.advance_to(now);
      EXPECT_EQ(timer.fired, round) << delay.count();
    }
  }
}

TEST(TimerWheel, ForgetsDestroyedTimers) {
  Simulation time;
  TestTimer before;
  auto destroyed = std::make_unique<TestTimer>();
  TestTimer after;
  for (Timer* const timer : {static_cast<Timer*>(&before), static_cast<Timer*>(destroyed.get()),
                             static_cast<Timer*>(&after)})
    time.set(*timer, 100ms);
  destroyed.reset();
  time.advance_to(200ms);
  EXPECT_EQ(before.fired, 1);
  EXPECT_EQ(after.fired, 1);
}

TEST(TimerWheel, SurvivesTimersThatEndEachOther) {
  Simulation time;
  std::vector<std::unique_ptr<TestTimer>> timers;
  int fired = 0;
  for (int i = 0; i < 4; ++i) {
    timers.push_back(std::make_unique<TestTimer>([&timers, &fired, i] {
      ++fired;
      timers[static_cast<std::size_t>(i ^ 1)].reset();
    }));
    time.set(*timers.back(), 100ms);
  }
  time.advance_to(200ms);
  EXPECT_EQ(fired, 2);
}

TEST(TimerWheel, TellsHowLongALoopMaySleep) {
  Simulation time;
  EXPECT_EQ(time.wheel.time_to_next(time.start), std::nullopt);
  TestTimer timer;
  time.set(timer, 95ms);
  EXPECT_EQ(time.wheel.time_to_next(time.start), 100ms);
  EXPECT_EQ(time.wheel.time_to_next(time.start + 40ms), 60ms);
  EXPECT_EQ(time.wheel.time_to_next(time.start + 500ms), 0ms);
  TestTimer long_after;
  time.set(long_after, 3'600'000ms);
  time.advance_to(100ms);
  EXPECT_EQ(timer.fired, 1);
  const auto wait = time.wheel.time_to_next(time.start + 100ms);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, 0ms);
  EXPECT_LE(*wait, 3'600'000ms);
}

TEST(TimerWheel, SleepingAsToldFiresEverythingInTime) {
  Simulation time;
  TestTimer far;
  time.set(far, 50'000ms);
  auto now = 0ms;
  int wakeups = 0;
  while (far.fired == 0 && wakeups < 100) {
    const auto wait = time.wheel.time_to_next(time.start + now);
    ASSERT_TRUE(wait);
    now += *wait;
    time.advance_to(now);
    ++wakeups;
  }
  EXPECT_EQ(far.fired, 1);
  EXPECT_EQ(now, 50'010ms);
  EXPECT_LT(wakeups, 10);
  EXPECT_EQ(time.wheel.time_to_next(time.start + now), std::nullopt);
}

TEST(TimerWheel, AgreesWithAReferenceOverRandomOperations) {
  std::mt19937 random(4711);
  const auto below = [&](std::int64_t limit) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
  };
  Simulation time;
  std::vector<std::unique_ptr<TestTimer>> timers;
  std::vector<std::int64_t> due(300, -1);  // -1: not set
  std::vector<int> expected(300, 0);
  for (int i = 0; i < 300; ++i) timers.push_back(std::make_unique<TestTimer>());
  std::int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto which = static_cast<std::size_t>(below(300));
    switch (below(4)) {
      case 0:
      case 1:
        due[which] = now + below(below(4) == 0 ? 60'000 : 300);
        time.set(*timers[which], std::chrono::milliseconds(due[which]));
        break;
      case 2:
        due[which] = -1;
        timers[which]->cancel();
        break;
      default:
        now += below(below(50) == 0 ? 30'000 : 30);
        time.advance_to(std::chrono::milliseconds(now));
        for (std::size_t i = 0; i < due.size(); ++i) {
          // In the tick after its own: between the two either is right.
          const bool must = due[i] >= 0 && now >= due[i] + 10;
          const bool may = due[i] >= 0 && now >= due[i];
          if (must || (may && timers[i]->fired > expected[i])) {
            due[i] = -1;
            ++expected[i];
          }
          ASSERT_EQ(timers[i]->fired, expected[i]) << "timer " << i << " at " << now;
          ASSERT_EQ(timers[i]->is_set(), due[i] >= 0);
        }
    }
  }
}

}  // namespace
}  // namespace mod_ws::engine
