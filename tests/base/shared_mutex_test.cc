#include "mod_ws/base/shared_mutex.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <new>
#include <thread>

namespace mod_ws::base {
namespace {

using Taken = SharedMutex::Taken;

/// A mutex, and what it guards, in memory that a forked process shares.
struct Shared {
  SharedMutex mutex;
  int value = 0;
};

class SharedMutexTest : public testing::Test {
 protected:
  SharedMutexTest() {
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shared_ = new (memory) Shared;
  }
  ~SharedMutexTest() override { ::munmap(shared_, sizeof *shared_); }

  template <class Work>
  pid_t fork_and(Work work) {
    const pid_t process = ::fork();
    if (process == 0) {
      work();
      ::_exit(0);
    }
    return process;
  }
  void wait_for(pid_t process) {
    int status = 0;
    EXPECT_EQ(::waitpid(process, &status, 0), process);
  }

  Shared* shared_ = nullptr;
};

TEST_F(SharedMutexTest, IsPassedOnByTheDead) {
  wait_for(fork_and([this] {
    shared_->mutex.lock();
    shared_->value = 42;
  }));
  EXPECT_EQ(shared_->mutex.lock(), Taken::from_the_dead);
  EXPECT_EQ(shared_->value, 42);
  shared_->mutex.unlock();
}

TEST_F(SharedMutexTest, IsPassedOnByTheDeadToWhoWaitsForATime) {
  wait_for(fork_and([this] { shared_->mutex.lock(); }));
  EXPECT_EQ(shared_->mutex.lock_for(10), Taken::from_the_dead);
  shared_->mutex.unlock();
}

TEST_F(SharedMutexTest, IsAsGoodAsNewOnceThePassedOnIsReturned) {
  for (int round = 0; round < 3; ++round) {
    wait_for(fork_and([this] { shared_->mutex.lock(); }));
    ASSERT_EQ(shared_->mutex.lock(), Taken::from_the_dead);
    shared_->mutex.unlock();
    ASSERT_EQ(shared_->mutex.lock(), Taken::yes);
    shared_->mutex.unlock();
  }
}

TEST_F(SharedMutexTest, IsTakenAfterAProcessThatReturnedIt) {
  wait_for(fork_and([this] {
    shared_->mutex.lock();
    shared_->mutex.unlock();
  }));
  EXPECT_EQ(shared_->mutex.lock_for(10), Taken::yes);
  shared_->mutex.unlock();
}

TEST_F(SharedMutexTest, GivesUpWhenItsOwnerHoldsOn) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t owner = fork_and([&] {
    shared_->mutex.lock();
    [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
    while (true) ::pause();
  });
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(shared_->mutex.lock_for(1), Taken::no);
  ::kill(owner, SIGKILL);
  wait_for(owner);
  EXPECT_EQ(shared_->mutex.lock_for(10), Taken::from_the_dead);
  shared_->mutex.unlock();
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(SharedMutexTest, LetsOneProcessInAtATime) {
  constexpr int rounds = 20'000;
  const auto count = [this] {
    for (int i = 0; i < rounds; ++i) {
      shared_->mutex.lock();
      // Not one step: two at once would lose some.
      volatile int& value = shared_->value;
      const int before = value;
      value = before + 1;
      shared_->mutex.unlock();
    }
  };
  const pid_t first = fork_and(count);
  const pid_t second = fork_and(count);
  count();
  wait_for(first);
  wait_for(second);
  EXPECT_EQ(shared_->value, 3 * rounds);
}

}  // namespace
}  // namespace mod_ws::base
