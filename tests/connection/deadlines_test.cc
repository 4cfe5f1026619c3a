#include "mod_ws/connection/deadlines.h"

#include <gtest/gtest.h>

namespace mod_ws::connection {
namespace {

using namespace std::chrono_literals;
using Tick = Deadlines::Tick;

constexpr Tick begin = 0xFFFFFF00;  // soon to wrap around

/// Deadlines, and the policy they are asked with.
class PolicyDeadlines : public Deadlines {
 public:
  explicit PolicyDeadlines(const Policy& policy) : policy_(policy) {}
  Next next(Tick now) const { return Deadlines::next(policy_, now); }

 private:
  const Policy& policy_;
};

/// How many ticks of 10 ms after `now` the next deadline is due.
Tick wait(const PolicyDeadlines& deadlines, Tick now, Due due) {
  const auto next = deadlines.next(now);
  EXPECT_EQ(next.due, due);
  return next.wait;
}

Policy nothing_due() {
  Policy policy;
  policy.ping_interval = 0ms;
  return policy;
}

TEST(Deadlines, HasNoneWhereNothingIsLimited) {
  const Policy policy = nothing_due();
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  EXPECT_EQ(deadlines.next(begin).due, Due::nothing);
}

TEST(Deadlines, IsNeverDueTooEarly) {
  Policy policy = nothing_due();
  policy.idle_timeout = 1'001ms;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  EXPECT_EQ(wait(deadlines, begin, Due::idle_timeout),
            102U);  // 101 that are begun, and the present
  EXPECT_EQ(wait(deadlines, begin + 101, Due::idle_timeout), 1U);
  EXPECT_EQ(wait(deadlines, begin + 102, Due::idle_timeout), 0U);
  EXPECT_EQ(wait(deadlines, begin + 500, Due::idle_timeout), 0U);
}

TEST(Deadlines, PingsAPeerThatIsSilent) {
  Policy policy;
  policy.ping_interval = 10s;
  policy.pong_timeout = 2s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  EXPECT_EQ(wait(deadlines, begin, Due::ping), 1001U);
  EXPECT_FALSE(deadlines.on_received(begin + 400));
  EXPECT_EQ(wait(deadlines, begin + 400, Due::ping), 1001U);
  deadlines.on_ping(begin + 1401, true);
  EXPECT_EQ(wait(deadlines, begin + 1401, Due::pong_timeout), 201U);
  EXPECT_TRUE(deadlines.on_received(begin + 1402));
  EXPECT_EQ(wait(deadlines, begin + 1402, Due::ping), 1001U);
}

TEST(Deadlines, PutsOffAPingThatCannotBeSent) {
  Policy policy;
  policy.ping_interval = 10s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_ping(begin + 1001, false);
  EXPECT_EQ(wait(deadlines, begin + 1001, Due::ping), 1001U);
}

TEST(Deadlines, CountsMessagesButNotPingsAgainstIdleness) {
  Policy policy = nothing_due();
  policy.idle_timeout = 1s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_received(begin + 50);
  EXPECT_EQ(wait(deadlines, begin + 50, Due::idle_timeout), 51U);
  deadlines.on_data(begin + 50);
  EXPECT_EQ(wait(deadlines, begin + 50, Due::idle_timeout), 101U);
}

TEST(Deadlines, EndsALifetimeWhateverHappens) {
  Policy policy = nothing_due();
  policy.max_lifetime = 1s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_data(begin + 90);
  EXPECT_EQ(wait(deadlines, begin + 90, Due::lifetime), 11U);
}

TEST(Deadlines, WaitsForAWriteFromItsLastProgressOn) {
  Policy policy = nothing_due();
  policy.write_timeout = 1s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_write_progress(begin);
  deadlines.on_write_progress(begin + 70);
  EXPECT_EQ(wait(deadlines, begin + 70, Due::write_timeout), 101U);
  deadlines.on_written(begin);
  EXPECT_EQ(deadlines.next(begin + 70).due, Due::nothing);
}

TEST(Deadlines, KnowsOnlyTheCloseTimeoutOnceItCloses) {
  Policy policy;
  policy.close_timeout = 1s;
  policy.idle_timeout = 10ms;
  policy.max_lifetime = 10ms;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_closing(begin + 10);
  deadlines.on_closing(begin + 60);  // the first time counts
  EXPECT_EQ(wait(deadlines, begin + 60, Due::close_timeout), 51U);
}

TEST(Deadlines, BeginsTheCloseTimeoutWhenTheCloseFrameHasLeft) {
  Policy policy;
  policy.close_timeout = 1s;
  policy.write_timeout = 2s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_write_progress(begin);
  deadlines.on_closing(begin + 10);
  EXPECT_EQ(wait(deadlines, begin + 10, Due::write_timeout), 191U);
  deadlines.on_write_progress(begin + 150);
  EXPECT_EQ(wait(deadlines, begin + 150, Due::write_timeout), 201U);
  deadlines.on_written(begin + 300);
  EXPECT_EQ(wait(deadlines, begin + 300, Due::close_timeout), 101U);
}

TEST(Deadlines, GivesAServerAQuarterOfASecondToEndTheConnection) {
  Policy policy;
  policy.close_timeout = 5s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_closing(begin);
  deadlines.await_server_end(begin + 100);
  EXPECT_EQ(wait(deadlines, begin + 100, Due::server_end), 26U);
  deadlines.forgo_server_end();
  EXPECT_EQ(wait(deadlines, begin + 100, Due::close_timeout), 401U);
}

TEST(Deadlines, GivesAServerHalfOfAShortCloseTimeout) {
  Policy policy;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_closing(begin);
  deadlines.await_server_end(begin);
  policy.close_timeout = 100ms;
  EXPECT_EQ(wait(deadlines, begin, Due::server_end), 6U);
  policy.close_timeout = 1ms;
  EXPECT_EQ(wait(deadlines, begin, Due::server_end), 2U);
}

TEST(Deadlines, GivesAPeerThatHasNoClaimTheCloseTimeoutOnly) {
  Policy policy;
  policy.close_timeout = 1s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  deadlines.on_write_progress(begin);
  deadlines.on_closing(begin + 10);
  deadlines.hurry();
  deadlines.on_write_progress(begin + 50);
  EXPECT_EQ(wait(deadlines, begin + 60, Due::close_timeout), 51U);
}

TEST(Deadlines, KeepsAPeerThatOnlyAnswersPingsForAnHour) {
  Policy policy;
  policy.ping_interval = 30s;
  policy.pong_timeout = 30s;
  PolicyDeadlines deadlines(policy);
  deadlines.start(begin);
  Tick now = begin;
  constexpr Tick hour = 360'000;
  for (int pings = 0; now - begin < hour; ++pings) {
    now += wait(deadlines, now, Due::ping);
    deadlines.on_ping(now, true);
    now += 2;
    deadlines.on_received(now);
    ASSERT_LT(pings, 120);
  }
}

}  // namespace
}  // namespace mod_ws::connection
