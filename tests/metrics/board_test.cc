#include "mod_ws/metrics/board.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace mod_ws::metrics {
namespace {

using namespace std::chrono_literals;

const Labels chat{.server = "localhost", .location = "/chat", .backend = "handler:chat"};
constexpr pid_t another_process = 1;

std::uint64_t lost_sessions(const SeriesReport& series) {
  return series.sums.closes[static_cast<std::size_t>(Ender::server)][place_of_close(1006)];
}

bool is_another(pid_t pid) { return pid == another_process; }

TEST(Board, KnowsASeriesByItsLabels) {
  const auto board = Board::create();
  const auto first = board->series(chat);
  EXPECT_EQ(board->series(chat), first);
  Labels other = chat;
  other.backend = "handler:echo";
  EXPECT_NE(board->series(other), first);
  const auto report = board->report();
  ASSERT_EQ(report.series.size(), 2U);
  EXPECT_EQ(report.series[0].labels, chat);
  EXPECT_EQ(report.series[1].labels, other);
}

TEST(Board, KnowsASeriesWhoseLabelsAreTooLongByWhatItKeepsOfThem) {
  const auto board = Board::create();
  Labels labels = chat;
  labels.location = std::string(1'000, 'x');
  EXPECT_EQ(board->series(labels), board->series(labels));
  EXPECT_EQ(board->report().series.size(), 1U);
}

TEST(Board, PutsWhatIsTooMuchIntoOneSeries) {
  const auto board = Board::create();
  Labels labels = chat;
  Board::SeriesNumber last = 0;
  for (std::size_t i = 0; i < Board::max_series + 10; ++i) {
    labels.location = std::to_string(i);
    last = board->series(labels);
  }
  EXPECT_EQ(last, Board::others);
  board->new_tally(last).begun.add();
  EXPECT_EQ(board->report().series.front().labels.location, "(others)");
}

TEST(Board, AddsUpTheTalliesOfASeries) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  Tally& one = board->new_tally(number);
  Tally& other = board->new_tally(number);
  EXPECT_NE(&one, &other);
  one.begun.add(3);
  one.ended.add(1);
  other.begun.add(1);
  const auto report = board->report();
  EXPECT_EQ(report.series.front().sessions(), 3U);
  EXPECT_EQ(report.series.front().sums.begun, 4U);
}

TEST(Board, CountsUpgradesByStatusAndDuration) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  board->count_upgrade(number, 101, 1ms);
  board->count_upgrade(number, 101, 20s);
  board->count_upgrade(number, 302, 2ms);
  board->count_upgrade(number, 418, 2ms);
  const auto upgrades = board->report().series.front().upgrades;
  EXPECT_EQ(upgrades.results[place_of_result(101)], 2U);
  EXPECT_EQ(name_of_result(place_of_result(302)), std::string("3xx"));
  EXPECT_EQ(name_of_result(place_of_result(418)), std::string("other"));
  EXPECT_EQ(upgrades.durations.front(), 1U);
  EXPECT_EQ(upgrades.durations.back(), 1U);
  EXPECT_EQ(upgrades.duration_us, 20'005'000U);
}

TEST(Board, KeepsWhatAGoneProcessHasCountedAndCallsItsSessionsLost) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  board->add_process(::getpid());
  Tally& tally = board->new_tally(number);
  tally.begun.add(5);
  tally.ended.add(2);
  tally.client.received_messages.add(9);
  tally.client.queued_bytes.add(77);
  board->change_owner(::getpid(), another_process);
  for (int again = 0; again < 2; ++again) {
    const auto lost = board->fold_if(is_another);
    ASSERT_EQ(lost.size(), again == 0 ? 1U : 0U);
    EXPECT_EQ(lost.empty() ? 3U : lost.front().sessions, 3U);
    const auto report = board->report();
    const auto& series = report.series.front();
    EXPECT_EQ(series.sessions(), 0U);
    EXPECT_EQ(series.sums.begun, 5U);
    EXPECT_EQ(lost_sessions(series), 3U);
    EXPECT_EQ(series.sums.client.received_messages, 9U);
    EXPECT_EQ(series.sums.client.queued_bytes, 0U);
    EXPECT_TRUE(report.processes.empty());
  }
}

TEST(Board, GivesTheTallyOfAGoneProcessToAnotherOneEmpty) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  board->add_process(::getpid());
  Tally& first = board->new_tally(number);
  first.begun.add(1);
  board->change_owner(::getpid(), another_process);
  board->fold_if(is_another);
  Tally& second = board->new_tally(number);
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(second.begun.value(), 0U);
  EXPECT_EQ(board->report().series.front().sums.begun, 1U);
}

TEST(Board, LeavesAloneWhatAKeeperHasTakenOver) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  board->add_process(another_process);
  board->change_owner(another_process, ::getpid());
  board->new_tally(number).begun.add(2);
  board->fold_if(is_another);
  const auto report = board->report();
  EXPECT_EQ(report.series.front().sessions(), 2U);
  ASSERT_EQ(report.processes.size(), 1U);
  EXPECT_EQ(report.processes.front().pid, ::getpid());
  EXPECT_EQ(report.processes.front().role(), std::string("keeper"));
  EXPECT_EQ(report.processes.front().sessions, 2U);
  EXPECT_GT(report.processes.front().memory_bytes, 0U);
}

TEST(Board, FoldsWhatAnEarlierProcessOfTheSameNumberHasLeft) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  board->add_process(::getpid());
  board->new_tally(number).begun.add(2);
  board->add_process(::getpid());
  const auto report = board->report();
  EXPECT_EQ(report.series.front().sessions(), 0U);
  EXPECT_EQ(lost_sessions(report.series.front()), 2U);
  EXPECT_EQ(report.processes.size(), 1U);
}

TEST(Board, CountsElsewhereWhereTalliesAreUsedUp) {
  const auto board = Board::create();
  const auto number = board->series(chat);
  for (std::size_t i = 0; i < Board::max_tallies; ++i)
    ASSERT_NE(&board->new_tally(number), &uncounted());
  EXPECT_EQ(&board->new_tally(number), &uncounted());
}

/// A process that counts sessions until it is killed.
pid_t start_counting_process(Board& board) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  board.add_process(::getpid());
  Tally& tally = board.new_tally(board.series(chat));
  while (true) {
    tally.begun.add();
    tally.ended.add();
    tally.client.received_messages.add();
  }
}

TEST(Board, CountsOnAfterProcessesWereKilledAnywhere) {
  const auto board = Board::create();
  std::uint64_t before = 0;
  for (int round = 0; round < 50; ++round) {
    const pid_t pid = start_counting_process(*board);
    const auto counted = [&] {
      const auto report = board->report();
      return report.series.empty() ? 0 : report.series.front().sums.client.received_messages;
    };
    while (counted() <= before) ::sched_yield();
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    const auto last = counted();
    board->fold_if([&](pid_t owner) { return owner == pid; });
    ASSERT_EQ(counted(), last) << "round " << round;
    before = last;
  }
  const auto report = board->report();
  EXPECT_EQ(report.series.front().sessions(), 0U);
  EXPECT_LE(lost_sessions(report.series.front()), 50U);
}

}  // namespace
}  // namespace mod_ws::metrics
