#include "mod_ws/base/rare_line.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

namespace mod_ws::base {
namespace {

using namespace std::chrono_literals;

TEST(RareLine, IsDueForTheFirstAndThenOnceInAWhileForAllSince) {
  RareLine line;
  const auto begin = RareLine::Clock::now();
  EXPECT_EQ(line.count(begin), 1U);
  for (int i = 1; i < 1000; ++i) EXPECT_EQ(line.count(begin + i * 1ms), 0U);
  EXPECT_EQ(line.count(begin + RareLine::interval - 1ms), 0U);
  EXPECT_EQ(line.count(begin + RareLine::interval), 1001U);
  EXPECT_EQ(line.count(begin + RareLine::interval + 1ms), 0U);
  EXPECT_EQ(line.count(begin + 5 * RareLine::interval), 2U);
}

TEST(RareLine, IsWrittenByOneOfManyThreads) {
  RareLine line;
  const auto begin = RareLine::Clock::now();
  std::vector<std::uint64_t> told(4);
  std::vector<std::thread> threads;
  for (auto& mine : told) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) mine += line.count(begin) > 0 ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::accumulate(told.begin(), told.end(), std::uint64_t{0}), 1U);
}

TEST(RareLines, AreDueOnceInAWhileEach) {
  RareLines lines;
  const auto begin = RareLine::Clock::now();
  EXPECT_EQ(lines.count("backend a: no connection", begin), 1U);
  EXPECT_EQ(lines.count("backend a: no connection", begin + 1ms), 0U);
  EXPECT_EQ(lines.count("backend b: no connection", begin + 1ms), 1U);
  EXPECT_EQ(lines.count("backend a: no connection", begin + RareLine::interval), 2U);
}

TEST(RareLines, AreNoMoreThanTheyMayBe) {
  RareLines lines;
  const auto begin = RareLine::Clock::now();
  std::uint64_t told = 0;
  for (int i = 0; i < 1000; ++i) told += lines.count("backend " + std::to_string(i), begin);
  EXPECT_EQ(told, RareLines::max_texts);
  EXPECT_EQ(lines.count("backend 999", begin + RareLine::interval), 1U);
}

TEST(RareLines, SayHowManyTheyStandFor) {
  EXPECT_EQ(more_like_it(1), "");
  EXPECT_EQ(more_like_it(3), " (and 2 more since this was last said)");
}

}  // namespace
}  // namespace mod_ws::base
