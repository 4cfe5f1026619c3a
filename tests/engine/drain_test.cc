#include "mod_ws/engine/drain.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "mod_ws/engine/event_loop.h"
#include "tests/support/loop_thread.h"

namespace mod_ws::engine {
namespace {

using tests::LoopThread;
using namespace std::chrono_literals;

struct Told {
  std::vector<Clock::time_point> times;
  std::vector<Farewell> farewells;
};

/// Retires when it is told to go, or only notes it.
class Guest final : public Resident {
 public:
  Guest(EventLoop& loop, Told& told, bool goes) : loop_(loop), told_(told), goes_(goes) {}

  void on_adopted() override {}
  void go_away(const Farewell& farewell) override {
    told_.times.push_back(Clock::now());
    told_.farewells.push_back(farewell);
    if (goes_) loop_.retire(*this);
  }

 private:
  EventLoop& loop_;
  Told& told_;
  bool goes_;
};

class DrainTest : public testing::Test {
 protected:
  std::vector<Resident*> adopt(int count, bool go = true) {
    return thread_.call([&] {
      std::vector<Resident*> guests;
      for (int i = 0; i < count; ++i) {
        auto guest = std::make_unique<Guest>(thread_.loop(), told_, go);
        guests.push_back(guest.get());
        thread_.loop().adopt(std::move(guest));
      }
      return guests;
    });
  }
  std::size_t told() {
    return thread_.call([&] { return told_.times.size(); });
  }

  Told told_;
  LoopThread thread_;
};

TEST_F(DrainTest, SendsAllAwayWithTheFarewell) {
  adopt(5);
  thread_.loop().post_drain({.farewell = {1012, "restarted"}});
  EXPECT_TRUE(thread_.wait_until_empty());
  EXPECT_EQ(told(), 5U);
  for (const Farewell& farewell : told_.farewells) {
    EXPECT_EQ(farewell.close_code, 1012);
    EXPECT_EQ(farewell.reason, "restarted");
  }
}

TEST_F(DrainTest, SendsThemAwayOneAfterTheOtherOverTheSpread) {
  adopt(10);
  const auto begin = Clock::now();
  thread_.loop().post_drain({.wait = 100ms, .spread = 500ms});
  EXPECT_TRUE(thread_.wait_until_empty());
  ASSERT_EQ(told(), 10U);
  EXPECT_GE(told_.times.front() - begin, 100ms);
  EXPECT_GE(told_.times.back() - begin, 600ms);
  EXPECT_LT(told_.times.front(), told_.times.back());
}

TEST_F(DrainTest, LeavesOutWhoHasGoneMeanwhile) {
  const auto guests = adopt(10);
  thread_.loop().post_drain({.wait = 0ms, .spread = 300ms});
  EXPECT_TRUE(thread_.wait_until([&] { return told_.times.size() >= 2; }));
  // The list begins with the one that was adopted last.
  thread_.call([&] {
    for (Resident* const guest : {guests[0], guests[3], guests[4]}) thread_.loop().retire(*guest);
  });
  EXPECT_TRUE(thread_.wait_until_empty());
  EXPECT_EQ(told(), 7U);
}

TEST_F(DrainTest, TellsEachOnceWhoDoesNotGo) {
  adopt(3, false);
  thread_.loop().post_drain({.wait = 0ms, .spread = 50ms});
  EXPECT_TRUE(thread_.wait_until([&] { return told_.times.size() >= 3; }));
  thread_.stop();
  EXPECT_EQ(told_.times.size(), 6U);  // and once more as the loop ended
}

}  // namespace
}  // namespace mod_ws::engine
