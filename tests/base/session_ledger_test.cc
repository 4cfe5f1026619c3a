#include "mod_ws/base/session_ledger.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>
#include <vector>

namespace mod_ws::base {
namespace {

using Place = SessionLedger::Place;
using Share = SessionLedger::Share;

constexpr std::uint64_t server = 1;
constexpr std::uint64_t client = 2;
constexpr pid_t another_process = 1;

/// One more of `key`, of at most `limit`.
SessionLedger::Answer take(SessionLedger& ledger, std::uint64_t key,
                           std::int64_t limit = SessionLedger::unlimited) {
  const Share share{.key = key, .limit = limit};
  return ledger.take({&share, 1});
}

void ignore(std::uint64_t, void*) {}

TEST(SessionLedger, GivesPlacesUpToALimit) {
  const auto ledger = SessionLedger::create(16);
  auto first = take(*ledger, server, 2);
  auto second = take(*ledger, server, 2);
  EXPECT_TRUE(first.place && second.place);
  const auto third = take(*ledger, server, 2);
  EXPECT_FALSE(third.place);
  EXPECT_EQ(third.full, 0U);
  EXPECT_EQ(ledger->held(server), 2);
}

TEST(SessionLedger, GetsAPlaceBackAndOnlyOnce) {
  const auto ledger = SessionLedger::create(16);
  {
    Place place = take(*ledger, server).place;
    Place moved = std::move(place);
    place = std::move(moved);
    EXPECT_EQ(ledger->held(server), 1);
  }
  EXPECT_EQ(ledger->held(server), 0);
}

TEST(SessionLedger, TakesAllSharesOrNone) {
  const auto ledger = SessionLedger::create(16);
  const std::array shares{Share{.key = server, .limit = 5}, Share{.key = client, .limit = 1}};
  auto first = ledger->take(shares);
  EXPECT_TRUE(first.place);
  const auto second = ledger->take(shares);
  EXPECT_FALSE(second.place);
  EXPECT_EQ(second.full, 1U);
  EXPECT_EQ(ledger->held(server), 1);
  first.place = Place();
  EXPECT_EQ(ledger->held(server), 0);
  EXPECT_EQ(ledger->held(client), 0);
}

TEST(SessionLedger, CountsAmounts) {
  const auto ledger = SessionLedger::create(16);
  const Share most{.key = server, .amount = 90, .limit = 100};
  const Share too_much{.key = server, .amount = 11, .limit = 100};
  const auto place = ledger->take({&most, 1}).place;
  EXPECT_FALSE(ledger->take({&too_much, 1}).place);
  EXPECT_EQ(ledger->held(server), 90);
}

TEST(SessionLedger, RefusesWhenItsEntriesAreUsedUp) {
  const auto ledger = SessionLedger::create(2);
  {
    const auto first = take(*ledger, 1);
    const auto second = take(*ledger, 2);
    const auto third = take(*ledger, 3);
    EXPECT_FALSE(third.place);
    EXPECT_FALSE(third.full);
  }
  const auto first = take(*ledger, 4);
  const auto second = take(*ledger, 5);
  EXPECT_TRUE(first.place && second.place);
}

TEST(SessionLedger, KeepsKeysOfOneBucketApart) {
  const auto ledger = SessionLedger::create(16);
  constexpr std::uint64_t apart = 1 << 16;
  std::vector<Place> places;
  for (const int key : {0, 1, 2, 0}) {
    places.push_back(take(*ledger, server + static_cast<std::uint64_t>(key) * apart).place);
  }
  places.erase(places.begin() + 1);
  EXPECT_EQ(ledger->held(server), 2);
  EXPECT_EQ(ledger->held(server + apart), 0);
  EXPECT_EQ(ledger->held(server + 2 * apart), 1);
}

TEST(SessionLedger, GivesBackWhatAGoneProcessHeld) {
  const auto ledger = SessionLedger::create(16);
  int noticed = 0;
  const Share noted{.key = client, .note = &noticed};
  auto lost = ledger->take({&noted, 1}).place;
  ledger->change_owner(::getpid(), another_process);
  const auto kept = take(*ledger, server);
  EXPECT_TRUE(ledger->give_back_if([](pid_t owner) { return owner == another_process; },
                                   [](std::uint64_t, void* note) { ++*static_cast<int*>(note); }));
  EXPECT_EQ(noticed, 1);
  EXPECT_EQ(ledger->held(client), 0);
  EXPECT_EQ(ledger->held(server), 1);
}

TEST(SessionLedger, LeavesThePlacesOfAnotherOwner) {
  const auto ledger = SessionLedger::create(16);
  {
    const auto moved = take(*ledger, server);
    ledger->change_owner(::getpid(), another_process);
  }
  EXPECT_EQ(ledger->held(server), 1);
}

TEST(SessionLedger, NeverExceedsALimitUnderThreads) {
  const auto ledger = SessionLedger::create(64);
  constexpr int limit = 3;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 2'000; ++round) {
        const auto answer = take(*ledger, server, limit);
        if (!answer.place) continue;
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, limit);
  EXPECT_EQ(ledger->held(server), 0);
}

/// A process that opens and ends sessions until it is killed.
pid_t start_busy_process(SessionLedger& ledger) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const std::array shares{Share{.key = server}, Share{.key = client, .amount = 5}};
  std::vector<Place> places(8);
  for (std::size_t i = 0;; ++i) places[i % places.size()] = ledger.take(shares).place;
}

void kill_and_wait(pid_t pid) {
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
}

TEST(SessionLedger, CountsRightAfterProcessesWereKilledAnywhere) {
  constexpr std::uint32_t capacity = 64;
  const auto ledger = SessionLedger::create(capacity);
  const auto kept = take(*ledger, server);
  for (int round = 0; round < 100; ++round) {
    const pid_t pid = start_busy_process(*ledger);
    while (ledger->held(client) == 0) ::sched_yield();
    kill_and_wait(pid);
    ASSERT_TRUE(ledger->give_back_if([&](pid_t owner) { return owner == pid; }, ignore));
    ASSERT_EQ(ledger->held(server), 1) << "round " << round;
    ASSERT_EQ(ledger->held(client), 0) << "round " << round;
  }
  std::vector<Place> places;
  while (auto place = take(*ledger, server).place) places.push_back(std::move(place));
  EXPECT_EQ(places.size(), capacity - 1);
}

}  // namespace
}  // namespace mod_ws::base
