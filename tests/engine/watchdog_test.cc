#include "mod_ws/engine/watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mod_ws/base/log.h"
#include "tests/support/deadline.h"
#include "tests/support/loop_thread.h"

namespace mod_ws::engine {
namespace {

using tests::LoopThread;
using namespace std::chrono_literals;

std::mutex lines_mutex;
std::condition_variable lines_grow;
std::vector<std::string> lines;

void keep(const void*, base::LogLevel, std::string_view line) {
  const std::lock_guard lock(lines_mutex);
  lines.emplace_back(line);
  lines_grow.notify_one();
}

std::vector<std::string> all_lines() {
  const std::lock_guard lock(lines_mutex);
  return lines;
}

bool wait_for_lines(std::size_t count) {
  std::unique_lock lock(lines_mutex);
  return lines_grow.wait_for(lock, tests::patience, [count] { return lines.size() >= count; });
}

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
  WatchdogTest() {
    lines.clear();
    base::set_log_sink({[](const void*, base::LogLevel) { return true; }, keep});
  }

  LoopThread thread_;
  LoopThread other_thread_;
};

TEST_F(WatchdogTest, NamesWhoKeepsALoopAndTellsWhenItGoesOn) {
  const Watchdog watchdog({&thread_.loop()}, 20ms);
  {
    const Guest guest(thread_, "dialer", "chat");
    ASSERT_TRUE(wait_for_lines(1));
    EXPECT_TRUE(all_lines()[0].starts_with("handler dialer has kept its event loop for 0."));
  }
  ASSERT_TRUE(wait_for_lines(2));
  EXPECT_TRUE(all_lines()[1].starts_with("handler dialer has let its event loop go on, after "));
}

TEST_F(WatchdogTest, SaysItOnce) {
  const Watchdog watchdog({&thread_.loop(), &other_thread_.loop()}, 4ms);
  const Guest guest(thread_, "chat");
  ASSERT_TRUE(wait_for_lines(1));
  // Until another one has kept its loop for as long, there is time for more.
  const Guest other(other_thread_, "dialer");
  ASSERT_TRUE(wait_for_lines(2));
  EXPECT_TRUE(all_lines()[1].starts_with("handler dialer has kept"));
}

TEST_F(WatchdogTest, SaysNothingOfALoopThatServesOthers) {
  const Watchdog watchdog({&thread_.loop(), &other_thread_.loop()}, 500ms);
  const ManyGuests guests(thread_, "chat");
  const Guest other(other_thread_, "dialer");
  ASSERT_TRUE(wait_for_lines(1));
  EXPECT_TRUE(all_lines()[0].starts_with("handler dialer has kept"));
}

TEST_F(WatchdogTest, SaysNothingOfALoopThatWaits) {
  const Watchdog watchdog({&thread_.loop(), &other_thread_.loop()}, 20ms);
  thread_.call(
      [&book = thread_.loop().guest_book()] { const GuestBook::Visit visit(book, "chat"); });
  const Guest other(other_thread_, "dialer");
  ASSERT_TRUE(wait_for_lines(1));
  EXPECT_TRUE(all_lines()[0].starts_with("handler dialer has kept"));
}

TEST_F(WatchdogTest, EndsWhileALoopIsKept) {
  auto watchdog = std::make_unique<Watchdog>(std::vector{&thread_.loop()}, 4ms);
  const Guest guest(thread_, "chat");
  ASSERT_TRUE(wait_for_lines(1));
  watchdog.reset();
}

}  // namespace
}  // namespace mod_ws::engine
