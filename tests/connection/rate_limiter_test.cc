#include "mod_ws/connection/rate_limiter.h"

#include <gtest/gtest.h>

namespace mod_ws::connection {
namespace {

using namespace std::chrono_literals;

constexpr RateLimiter::Time start{1'000s};

TEST(RateLimiter, LetsABurstThrough) {
  const RateLimit limit{.messages_per_second = 10, .burst = 1s};
  RateLimiter limiter(limit);
  for (int i = 0; i < 10; ++i) {
    limiter.take(start, 1, 0);
    EXPECT_LE(limiter.next(), start) << i;
  }
  limiter.take(start, 1, 0);
  EXPECT_EQ(limiter.next(), start + 100ms);
}

TEST(RateLimiter, LetsTheRateThroughForEver) {
  const RateLimit limit{.messages_per_second = 10, .burst = 1ms};
  RateLimiter limiter(limit);
  for (int i = 0; i < 1000; ++i) {
    const auto now = start + i * 100ms;
    EXPECT_LE(limiter.next(), now) << i;
    limiter.take(now, 1, 0);
    EXPECT_EQ(limiter.next(), now + 99ms) << i;
  }
}

TEST(RateLimiter, SavesNoMoreThanTheBurst) {
  const RateLimit limit{.messages_per_second = 10, .burst = 200ms};
  RateLimiter limiter(limit);
  limiter.take(start, 1, 0);
  const auto later = start + 3600s;
  limiter.take(later, 2, 0);
  EXPECT_EQ(limiter.next(), later);
  limiter.take(later, 1, 0);
  EXPECT_EQ(limiter.next(), later + 100ms);
}

TEST(RateLimiter, CountsBytesAndMessagesEachForItself) {
  const RateLimit limit{.messages_per_second = 10, .bytes_per_second = 1000, .burst = 0ms};
  RateLimiter limiter(limit);
  limiter.take(start, 1, 2000);
  EXPECT_EQ(limiter.next(), start + 2s);
  limiter.take(start, 50, 0);
  EXPECT_EQ(limiter.next(), start + 5'100ms);
}

}  // namespace
}  // namespace mod_ws::connection
