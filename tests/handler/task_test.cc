#include "ws/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace ws {
namespace {

class Owner final : public detail::TaskOwner {
 public:
  void on_task_done() noexcept override { ++done; }
  int done = 0;
};

/// Suspends its coroutine until resume().
class Gate {
 public:
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }
  void await_resume() {}
  void resume() { waiter_.resume(); }

 private:
  std::coroutine_handle<> waiter_;
};

Task<int> number(int value) { co_return value; }

Task<std::unique_ptr<int>> move_only(int value) { co_return std::make_unique<int>(value); }

Task<int> sum(int depth) {
  if (depth == 0) co_return 0;
  co_return co_await sum(depth - 1) + co_await number(1);
}

Task<int> fail_after(Gate& gate) {
  co_await gate;
  throw std::runtime_error("from the depth");
}

/// Counts how many of it live.
struct Counted {
  explicit Counted(int& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int& count_;
};

TEST(Task, DoesNothingUntilStarted) {
  bool ran = false;
  const auto run = [](bool& flag) -> Task<> {
    flag = true;
    co_return;
  };
  Owner owner;
  {
    Task<> task = run(ran);
    EXPECT_FALSE(ran);
  }
  EXPECT_FALSE(ran);
  Task<> task = run(ran);
  task.start(owner);
  EXPECT_TRUE(ran);
  EXPECT_EQ(owner.done, 1);
}

TEST(Task, GivesItsResult) {
  Owner owner;
  Task<int> task = number(42);
  task.start(owner);
  EXPECT_EQ(task.take_result(), 42);
}

TEST(Task, NestsAndMovesResults) {
  Owner owner;
  int total = 0;
  const auto run = [](int& to) -> Task<> {
    to = co_await sum(100);
    to += *co_await move_only(5);
  };
  Task<> task = run(total);
  task.start(owner);
  EXPECT_EQ(total, 105);
  EXPECT_EQ(owner.done, 1);
}

TEST(Task, TellsItsOwnerOnlyAtTheOutermostEnd) {
  Owner owner;
  Gate gate;
  const auto inner = [](Gate& at) -> Task<int> {
    co_await at;
    co_return 7;
  };
  const auto outer = [](Task<int> within) -> Task<int> {
    co_return co_await std::move(within) + 1;
  };
  Task<int> task = outer(inner(gate));
  task.start(owner);
  EXPECT_EQ(owner.done, 0);
  gate.resume();
  EXPECT_EQ(owner.done, 1);
  EXPECT_EQ(task.take_result(), 8);
}

TEST(Task, CarriesExceptionsThroughCoAwait) {
  Owner owner;
  Gate gate;
  std::string caught;
  const auto run = [](Gate& at, std::string& what) -> Task<> {
    try {
      co_await fail_after(at);
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
  };
  Task<> task = run(gate, caught);
  task.start(owner);
  EXPECT_EQ(caught, "");
  gate.resume();
  EXPECT_EQ(caught, "from the depth");
  EXPECT_NO_THROW(task.take_result());
}

TEST(Task, ThrowsFromTakeResultWhatNobodyCaught) {
  Owner owner;
  Gate gate;
  const auto run = [](Gate& at) -> Task<int> { co_return co_await fail_after(at); };
  Task<int> task = run(gate);
  task.start(owner);
  gate.resume();
  EXPECT_EQ(owner.done, 1);
  EXPECT_THROW(task.take_result(), std::runtime_error);
}

TEST(Task, DestroysSuspendedFramesFromTheOutside) {
  Owner owner;
  Gate gate;
  int alive = 0;
  const auto inner = [](Gate& at, int& count) -> Task<> {
    const Counted counted(count);
    co_await at;
  };
  const auto outer = [&inner](Gate& at, int& count) -> Task<> {
    const Counted counted(count);
    co_await inner(at, count);
  };
  {
    Task<> task = outer(gate, alive);
    EXPECT_EQ(alive, 0);
    task.start(owner);
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(owner.done, 0);
}

TEST(Task, MovesItsFrame) {
  int alive = 0;
  Owner owner;
  Gate gate;
  const auto run = [](Gate& at, int& count) -> Task<> {
    const Counted counted(count);
    co_await at;
  };
  Task<> first = run(gate, alive);
  first.start(owner);
  Task<> second = std::move(first);
  first = Task<>();
  EXPECT_EQ(alive, 1);
  gate.resume();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(owner.done, 1);
}

/// Is true, and has a destructor, as every operation has.
struct Yes {
  ~Yes() {}
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  bool await_resume() const { return true; }
};

Task<> begin_with_a_condition(int& steps) {
  if (co_await Yes()) ++steps;
  ++steps;
}

TEST(Task, IsRefusedWhereTheCompilerGetsItWrong) {
  int steps = 0;
  Owner owner;
  const auto run = [&] {
    auto task = begin_with_a_condition(steps);
    task.start(owner);
    EXPECT_EQ(steps, 2);
  };
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  EXPECT_THROW(run(), std::logic_error);
#else
  run();
#endif
}

TEST(Task, NeedsNoStackForALoopOfTasksThatNeverWait) {
  int total = 0;
  const auto run = [](int& sum) -> Task<> {
    for (int i = 0; i < 1'000'000; ++i) sum += co_await number(1);
  };
  Owner owner;
  auto task = run(total);
  task.start(owner);
  EXPECT_EQ(total, 1'000'000);
  EXPECT_EQ(owner.done, 1);
}

TEST(Task, IsRefusedWhenItIsEmptyOrHasBeenAwaited) {
  Owner owner;
  Task<> empty;
  EXPECT_THROW(empty.start(owner), std::logic_error);
  const auto twice = []() -> Task<> {
    auto once = number(1);
    co_await std::move(once);
    co_await std::move(once);
  };
  auto task = twice();
  task.start(owner);
  EXPECT_THROW(task.take_result(), std::logic_error);
}

}  // namespace
}  // namespace ws
