#include "mod_ws/metrics/board.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <new>
#include <string>

#include "mod_ws/base/log.h"
#include "mod_ws/base/rare_line.h"

namespace mod_ws::metrics {
namespace {

constexpr int patience_seconds = 1;

constexpr std::array<int, 13> result_statuses{101, 400, 401, 403, 404, 405, 426,
                                              429, 500, 501, 502, 503, 504};
constexpr std::array<const char*, result_places> result_names{"101", "400", "401", "403", "404",
                                                              "405", "426", "429", "500", "501",
                                                              "502", "503", "504", "3xx", "other"};
constexpr std::size_t redirection_place = 13;
constexpr std::size_t other_place = 14;

constexpr const char* name_of_others = "(others)";

base::RareLine no_tally_left;
base::RareLine no_series_left;

std::uint64_t memory_of(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::size_t place_of_result(int status) {
  const auto* const known = std::find(result_statuses.begin(), result_statuses.end(), status);
  if (known != result_statuses.end())
    return static_cast<std::size_t>(known - result_statuses.begin());
  return status >= 300 && status < 400 ? redirection_place : other_place;
}

const char* name_of_result(std::size_t place) { return result_names[place]; }

/// A killed owner leaves nothing half done: what is new counts once its number, or its owner, has
/// been written, which is last.
class Board::Lock {
 public:
  enum class Patience : std::uint8_t { a_second, any };

  explicit Lock(Board& board, Patience patience = Patience::a_second)
      : board_(board),
        is_held_((patience == Patience::any
                      ? board.mutex_.lock()
                      : board.mutex_.lock_for(patience_seconds)) != base::SharedMutex::Taken::no) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (is_held_) board_.mutex_.unlock();
  }

  explicit operator bool() const { return is_held_; }

 private:
  Board& board_;
  bool is_held_;
};

Board::Board() {
  // In memory that is zero already: series 0.
  tables().series[others].location.set(name_of_others);
  series_used_ = 1;
}

std::unique_ptr<Board, Board::Unmap> Board::create() {
  void* const memory = ::mmap(nullptr, sizeof(Board) + sizeof(Tables), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return std::unique_ptr<Board, Unmap>(new (memory) Board);
}

void Board::Unmap::operator()(Board* board) const {
  ::munmap(board, sizeof(Board) + sizeof(Tables));
}

// ---- series

void Board::Name::set(std::string_view text) {
  const auto kept = text.substr(0, bytes.size());
  size = static_cast<std::uint8_t>(kept.copy(bytes.data(), bytes.size()));
}

bool Board::Series::has(const Labels& labels) const {
  const auto is_named = [](const Name& name, std::string_view text) {
    return name.text() == text.substr(0, name.bytes.size());
  };
  return is_named(server, labels.server) && is_named(location, labels.location) &&
         is_named(backend, labels.backend);
}

Board::SeriesNumber Board::series(const Labels& labels) {
  const Lock lock(*this);
  if (!lock) return others;
  const auto used = series_in_use();
  const auto known = std::find_if(used.begin(), used.end(),
                                  [&](const Series& series) { return series.has(labels); });
  if (known != used.end()) return static_cast<SeriesNumber>(known - used.begin());
  if (series_used_ == max_series) {
    if (no_series_left.count() > 0)
      base::log({}, base::LogLevel::warning,
                "status: more locations and backends than are told apart; others are one");
    return others;
  }
  Series& fresh = tables().series[series_used_];
  fresh.server.set(labels.server);
  fresh.location.set(labels.location);
  fresh.backend.set(labels.backend);
  return static_cast<SeriesNumber>(series_used_++);
}

void Board::count_upgrade(SeriesNumber series, int status, std::chrono::microseconds duration) {
  auto& upgrades = tables().series[series].upgrades;
  const auto place = place_of_duration<std::chrono::milliseconds>(upgrade_bounds_ms, duration);
  upgrades.results[place_of_result(status)].fetch_add(1, std::memory_order_relaxed);
  upgrades.durations[place].fetch_add(1, std::memory_order_relaxed);
  upgrades.duration_us.fetch_add(static_cast<std::uint64_t>(duration.count()),
                                 std::memory_order_relaxed);
}

Tally& Board::new_tally(SeriesNumber series) {
  const Lock lock(*this);
  auto& blocks = tables().blocks;
  auto* const end = blocks.begin() + blocks_used_;
  auto* const block =
      std::find_if(blocks.begin(), end, [](const Block& each) { return each.owner == 0; });
  if (!lock || block == blocks.end()) {
    if (no_tally_left.count() > 0)
      base::log({}, base::LogLevel::warning, "status: too much to count; sessions are left out");
    return uncounted();
  }
  if (block == end) ++blocks_used_;
  block->series = series;
  new (&block->tally) Tally{};
  block->owner = ::getpid();
  return block->tally;
}

// ---- processes

void Board::add_process(pid_t pid) {
  const Lock lock(*this);
  if (!lock) return;
  fold_all_of([pid](pid_t owner) { return owner == pid; });
  auto& processes = tables().processes;
  auto* const end = processes.begin() + processes_used_;
  auto* const process =
      std::find_if(processes.begin(), end, [](const Process& each) { return each.pid == 0; });
  if (process == processes.end()) return;
  process->is_keeper = false;
  process->begun = Clock::now();
  process->pid = pid;
  if (process == end) ++processes_used_;
}

/// However long it takes: the sessions go on counting in these tallies.
void Board::change_owner(pid_t from, pid_t to) {
  const Lock lock(*this, Lock::Patience::any);
  for (Block& block : blocks_in_use()) {
    if (block.owner == from) block.owner = to;
  }
  for (Process& process : processes_in_use()) {
    if (process.pid != from) continue;
    process.is_keeper = true;
    process.pid = to;
  }
}

/// Under the lock, so that a report has it once. Returns how many sessions are lost.
std::uint64_t Board::fold(Block& block) {
  Sums sums{};
  add(sums, block.tally);
  const std::uint64_t lost = live_sessions(sums);
  sums.ended += lost;
  sums.closes[static_cast<std::size_t>(Ender::server)][place_of_close(1006)] += lost;
  sums.client.queued_bytes = sums.backend.queued_bytes = 0;
  add(tables().series[block.series].past, sums);
  block.owner = 0;
  return lost;
}

std::vector<Board::Lost> Board::fold_if(const std::function<bool(pid_t)>& is_gone) {
  const Lock lock(*this);
  return lock ? fold_all_of(is_gone) : std::vector<Lost>{};
}

std::vector<Board::Lost> Board::fold_all_of(const std::function<bool(pid_t)>& is_gone) {
  std::vector<Lost> gone;
  for (Process& process : processes_in_use()) {
    if (process.pid == 0 || !is_gone(process.pid)) continue;
    gone.push_back({process.pid, process.is_keeper, 0});
    process.pid = 0;
  }
  for (Block& block : blocks_in_use()) {
    const auto known = std::find_if(gone.begin(), gone.end(),
                                    [&](const Lost& each) { return each.pid == block.owner; });
    if (known != gone.end()) known->sessions += fold(block);
  }
  std::erase_if(gone, [](const Lost& each) { return each.sessions == 0; });
  return gone;
}

// ---- reading

Report Board::report() {
  Report report = counted();
  for (auto& process : report.processes) process.memory_bytes = memory_of(process.pid);
  return report;
}

SeriesReport Board::past_of(const Series& series) {
  SeriesReport told{.labels = {.server = std::string(series.server.text()),
                               .location = std::string(series.location.text()),
                               .backend = std::string(series.backend.text())}};
  add(told.sums, series.past);
  const auto& [results, durations, duration_us] = series.upgrades;
  std::copy(results.begin(), results.end(), told.upgrades.results.begin());
  std::copy(durations.begin(), durations.end(), told.upgrades.durations.begin());
  told.upgrades.duration_us = duration_us;
  return told;
}

Report Board::counted() {
  Report report{.series = {}, .processes = {}, .begun = begun_};
  const Lock lock(*this);
  if (!lock) return report;
  for (const Series& series : series_in_use()) report.series.push_back(past_of(series));
  for (const Process& process : processes_in_use()) {
    if (process.pid != 0)
      report.processes.push_back({process.pid, process.is_keeper, process.begun});
  }
  for (const Block& block : blocks_in_use()) {
    const pid_t owner = block.owner;
    if (owner == 0) continue;
    Sums sums{};
    add(sums, block.tally);
    for (auto& process : report.processes) {
      if (process.pid == owner) process.sessions += live_sessions(sums);
    }
    add(report.series[block.series].sums, block.tally);
  }
  const SeriesReport& rest = report.series[others];
  const bool is_used = rest.sums.begun > 0 || rest.upgrades.duration_us > 0;
  if (!is_used) report.series.erase(report.series.begin() + others);
  return report;
}

}  // namespace mod_ws::metrics
