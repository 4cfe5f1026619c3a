#include "mod_ws/metrics/tally.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace mod_ws::metrics {
namespace {

using namespace std::chrono_literals;

TEST(CloseCounters, HaveAPlaceForEachCodeOfTheRfcAndOneForEachRange) {
  EXPECT_EQ(name_of_close(place_of_close(1000)), std::string("1000"));
  EXPECT_EQ(name_of_close(place_of_close(1006)), std::string("1006"));
  EXPECT_EQ(name_of_close(place_of_close(1015)), std::string("1015"));
  EXPECT_EQ(name_of_close(place_of_close(3000)), std::string("3xxx"));
  EXPECT_EQ(name_of_close(place_of_close(3999)), std::string("3xxx"));
  EXPECT_EQ(name_of_close(place_of_close(4999)), std::string("4xxx"));
  for (const std::uint16_t odd : {0, 999, 1016, 2999, 5000, 65535})
    EXPECT_EQ(name_of_close(place_of_close(odd)), std::string("other")) << odd;
}

TEST(Tally, CountsAnEndByItsCodeItsSideAndItsAge) {
  Tally tally{};
  count_end(tally, Ender::backend, 1001, 1s);
  count_end(tally, Ender::backend, 1001, 1'001ms);
  count_end(tally, Ender::client, 4321, 48h);
  Sums sums{};
  add(sums, tally);
  EXPECT_EQ(sums.ended, 3U);
  EXPECT_EQ(sums.closes[static_cast<std::size_t>(Ender::backend)][place_of_close(1001)], 2U);
  EXPECT_EQ(sums.closes[static_cast<std::size_t>(Ender::client)][place_of_close(4000)], 1U);
  EXPECT_EQ(sums.durations.front(), 1U) << "a bound belongs to what is below it";
  EXPECT_EQ(sums.durations[1], 1U);
  EXPECT_EQ(sums.durations.back(), 1U);
  EXPECT_EQ(sums.duration_ms, 2'001U + 48 * 3'600'000U);
}

TEST(Tally, IsAddedNumberByNumber) {
  Tally tally{};
  tally.client.received_bytes.add(7);
  tally.backend.sent_pings.add(2);
  tally.backend.queued_bytes.add(10);
  tally.backend.queued_bytes.subtract(4);
  tally.inflated.plain_bytes.add(5);
  Sums sums{};
  add(sums, tally);
  add(sums, tally);
  EXPECT_EQ(sums.client.received_bytes, 14U);
  EXPECT_EQ(sums.backend.sent_pings, 4U);
  EXPECT_EQ(sums.backend.queued_bytes, 12U);
  EXPECT_EQ(sums.inflated.plain_bytes, 10U);
  EXPECT_EQ(sums.client.sent_bytes, 0U);
}

TEST(Tally, IsReadWhileItIsCounted) {
  Tally tally{};
  constexpr std::uint64_t rounds = 100'000;
  std::thread counting([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) tally.client.received_messages.add();
  });
  std::uint64_t last = 0;
  while (last < rounds) {
    const std::uint64_t now = tally.client.received_messages.value();
    ASSERT_GE(now, last);
    last = now;
  }
  counting.join();
}

}  // namespace
}  // namespace mod_ws::metrics
