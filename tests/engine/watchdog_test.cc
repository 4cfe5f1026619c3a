#include "mod_ws/engine/watchdog.h"

#include <gtest/gtest.h>

#include <ctime>
#include <future>
#include <string>

#include "tests/support/log_lines.h"
#include "tests/support/loop_thread.h"

namespace mod_ws::engine {
namespace {

using tests::LoopThread;
using namespace std::chrono_literals;

class WatchdogTest : public testing::Test {
 protected:
  /// A guest that stays until go_on().
  void block() {
    loop_.loop().post([this, held = held_.get_future().share()] {
      const GuestBook::Visit visit(loop_.loop().guest_book(), "chat");
      const GuestBook::Visit inner(loop_.loop().guest_book(), "dialer");
      held.wait();
    });
  }
  void go_on() { held_.set_value(); }

  tests::LogLines log_;
  LoopThread loop_;
  std::promise<void> held_;
};

TEST_F(WatchdogTest, NamesWhoKeepsALoopAndTellsWhenItGoesOn) {
  const Watchdog watchdog({&loop_.loop()}, 20ms);
  block();
  ASSERT_TRUE(log_.wait_for(1));
  EXPECT_TRUE(log_.all()[0].starts_with("handler dialer has kept its event loop for 0."));
  go_on();
  ASSERT_TRUE(log_.wait_for(2));
  EXPECT_TRUE(log_.all()[1].starts_with("handler dialer has let its event loop go on, after "));
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST_F(WatchdogTest, IsIdleBetweenItsLooksHoweverShortTheLimitIs) {
  const Watchdog watchdog({&loop_.loop()}, 1ms);
  const auto before = processor_time();
  std::promise<void> over;
  struct End final : Timer {
    explicit End(std::promise<void>& told) : told_(told) {}
    void on_timer() override { told_.set_value(); }
    std::promise<void>& told_;
  } end(over);
  loop_.call([&] { loop_.loop().set_timer(end, 500ms); });
  over.get_future().wait();
  EXPECT_LT(processor_time() - before, 100ms);
}

TEST_F(WatchdogTest, SaysItOnce) {
  const Watchdog watchdog({&loop_.loop()}, 4ms);
  block();
  ASSERT_TRUE(log_.wait_for(1));
  std::this_thread::sleep_for(40ms);  // so that there is time for more
  EXPECT_EQ(log_.all().size(), 1U);
  go_on();
}

TEST_F(WatchdogTest, SaysNothingOfALoopThatWaitsOrServesOthers) {
  constexpr auto limit = 500ms;
  const Watchdog watchdog({&loop_.loop()}, limit);
  for (const auto end = Clock::now() + 2 * limit; Clock::now() < end;) {
    loop_.call([this] {
      const GuestBook::Visit visit(loop_.loop().guest_book(), "chat");
      std::this_thread::sleep_for(1ms);
    });
  }
  std::this_thread::sleep_for(2 * limit);
  EXPECT_TRUE(log_.all().empty());
}

TEST_F(WatchdogTest, EndsWhileALoopIsKept) {
  auto watchdog = std::make_unique<Watchdog>(std::vector{&loop_.loop()}, 4ms);
  block();
  ASSERT_TRUE(log_.wait_for(1));
  watchdog.reset();
  go_on();
}

}  // namespace
}  // namespace mod_ws::engine
