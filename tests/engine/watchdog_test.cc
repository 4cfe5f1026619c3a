#include "mod_ws/engine/watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/log_lines.h"
#include "tests/support/loop_thread.h"

namespace mod_ws::engine {
namespace {

using tests::LoopThread;
using namespace std::chrono_literals;

/// Keeps a loop until it is destroyed; `host` may have let it in.
class Guest {
 public:
  Guest(LoopThread& thread, const char* name, const char* host = nullptr) {
    thread.loop().post(
        [&book = thread.loop().guest_book(), name, host, gone = gone_.get_future().share()] {
          const GuestBook::Visit outer(book, host);
          const GuestBook::Visit visit(book, name);
          gone.wait();
        });
  }
  ~Guest() { gone_.set_value(); }

 private:
  std::promise<void> gone_;
};

/// Guests that come and go until it is destroyed.
class ManyGuests {
 public:
  ManyGuests(LoopThread& thread, const char* name) {
    thread.loop().post([&book = thread.loop().guest_book(), name, over = over_] {
      while (!*over) {
        const GuestBook::Visit visit(book, name);
        std::this_thread::yield();
      }
    });
  }
  ~ManyGuests() { *over_ = true; }

 private:
  std::shared_ptr<std::atomic<bool>> over_ = std::make_shared<std::atomic<bool>>(false);
};

class WatchdogTest : public testing::Test {
 protected:
  tests::LogLines log_;
  LoopThread thread_;
  LoopThread other_thread_;
};

TEST_F(WatchdogTest, NamesWhoKeepsALoopAndTellsWhenItGoesOn) {
  const Watchdog watchdog({&thread_.loop()}, 20ms);
  {
    const Guest guest(thread_, "dialer", "chat");
    ASSERT_TRUE(log_.wait_for(1));
    EXPECT_TRUE(log_.all()[0].starts_with("handler dialer has kept its event loop for 0."));
  }
  ASSERT_TRUE(log_.wait_for(2));
  EXPECT_TRUE(log_.all()[1].starts_with("handler dialer has let its event loop go on, after "));
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST_F(WatchdogTest, IsIdleBetweenItsLooksHoweverShortTheLimitIs) {
  const Watchdog watchdog({&thread_.loop()}, 1ms);
  const auto before = processor_time();
  std::promise<void> over;
  struct End final : Timer {
    explicit End(std::promise<void>& told) : told_(told) {}
    void on_timer() override { told_.set_value(); }
    std::promise<void>& told_;
  } end(over);
  thread_.call([&] { thread_.loop().set_timer(end, 500ms); });
  over.get_future().wait();
  EXPECT_LT(processor_time() - before, 100ms);
}

TEST_F(WatchdogTest, SaysItOnce) {
  const Watchdog watchdog({&thread_.loop(), &other_thread_.loop()}, 4ms);
  const Guest guest(thread_, "chat");
  ASSERT_TRUE(log_.wait_for(1));
  // Until another one has kept its loop for as long, there is time for more.
  const Guest other(other_thread_, "dialer");
  ASSERT_TRUE(log_.wait_for(2));
  EXPECT_TRUE(log_.all()[1].starts_with("handler dialer has kept"));
}

TEST_F(WatchdogTest, SaysNothingOfALoopThatServesOthers) {
  const Watchdog watchdog({&thread_.loop(), &other_thread_.loop()}, 500ms);
  const ManyGuests guests(thread_, "chat");
  const Guest other(other_thread_, "dialer");
  ASSERT_TRUE(log_.wait_for(1));
  EXPECT_TRUE(log_.all()[0].starts_with("handler dialer has kept"));
}

TEST_F(WatchdogTest, SaysNothingOfALoopThatWaits) {
  const Watchdog watchdog({&thread_.loop(), &other_thread_.loop()}, 20ms);
  thread_.call(
      [&book = thread_.loop().guest_book()] { const GuestBook::Visit visit(book, "chat"); });
  const Guest other(other_thread_, "dialer");
  ASSERT_TRUE(log_.wait_for(1));
  EXPECT_TRUE(log_.all()[0].starts_with("handler dialer has kept"));
}

TEST_F(WatchdogTest, EndsWhileALoopIsKept) {
  auto watchdog = std::make_unique<Watchdog>(std::vector{&thread_.loop()}, 4ms);
  const Guest guest(thread_, "chat");
  ASSERT_TRUE(log_.wait_for(1));
  watchdog.reset();
}

}  // namespace
}  // namespace mod_ws::engine
