#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/base/shared_mutex.h"
#include "mod_ws/metrics/tally.h"

namespace mod_ws::metrics {

/// What sessions are counted by.
struct Labels {
  std::string server;    ///< The virtual host's name.
  std::string location;  ///< "/chat"
  std::string backend;   ///< "ws://127.0.0.1:9000", "handler:chat"; empty: none was chosen.

  auto operator<=>(const Labels&) const = default;
};

// A status' place among the counters of upgrades.
inline constexpr std::size_t result_places = 15;
std::size_t place_of_result(int status);
/// "101", "3xx", "other"
const char* name_of_result(std::size_t place);

inline constexpr std::array<std::uint32_t, 7> upgrade_bounds_ms{1, 5, 25, 100, 500, 2'500, 10'000};

/// The opening handshakes of one series. Any thread counts them.
template <class Number>
struct UpgradesOf {
  std::array<Number, result_places> results;
  std::array<Number, upgrade_bounds_ms.size() + 1> durations;
  Number duration_us;  ///< The sum of all.
};

/// Those that have begun and not ended. What is counted meanwhile is read in any order.
inline std::uint64_t live_sessions(const Sums& sums) {
  return sums.begun > sums.ended ? sums.begun - sums.ended : 0;
}

/// All that is known of one series.
struct SeriesReport {
  Labels labels;
  Sums sums{};
  UpgradesOf<std::uint64_t> upgrades{};

  std::uint64_t sessions() const { return live_sessions(sums); }
};

struct ProcessReport {
  pid_t pid = 0;
  bool is_keeper = false;
  std::chrono::system_clock::time_point begun;
  std::uint64_t sessions = 0;
  std::uint64_t memory_bytes = 0;  ///< Resident, shared memory included; 0: not known.

  const char* role() const { return is_keeper ? "keeper" : "child"; }
};

struct Report {
  std::vector<SeriesReport> series;
  std::vector<ProcessReport> processes;
  std::chrono::system_clock::time_point begun;  ///< The server's.
};

/// What several processes count, in memory that they share; it outlives them all. Each loop of each
/// process counts each series in a tally of its own. What a process has counted when it ends,
/// however it ends, is added to what is past.
///
/// One lock protects everything but the counting itself. Any thread of any process that was forked
/// after create().
class alignas(64) Board {
 public:
  struct Unmap {
    void operator()(Board* board) const;
  };

  /// Null, with errno, when there is no shared memory. Its pages cost nothing until they are used.
  static std::unique_ptr<Board, Unmap> create();

  using SeriesNumber = std::uint32_t;
  /// Of the series that takes what the others have no room for.
  static constexpr SeriesNumber others = 0;
  /// The series with these labels, which is made where there is none. `others` where there is no
  /// room, or the lock is not to be had: another time it may be.
  SeriesNumber series(const Labels& labels);

  void count_upgrade(SeriesNumber series, int status, std::chrono::microseconds duration);

  /// A tally for one loop of the calling process, for its life. uncounted() where there is none, or
  /// the lock is not to be had.
  Tally& new_tally(SeriesNumber series);

  // Processes.

  /// What an earlier process of this number has left is folded.
  void add_process(pid_t pid);
  /// `to` goes on with what `from` has begun, as its keeper.
  void change_owner(pid_t from, pid_t to);
  struct Lost {
    pid_t pid;
    bool was_keeper;
    std::uint64_t sessions;
  };
  /// Adds up what the processes have counted that are gone. Sessions that they have not ended are
  /// lost: 1006 by the server; those who have lost some are told. Nothing where the lock's owner
  /// has been stopped.
  std::vector<Lost> fold_if(const std::function<bool(pid_t)>& is_gone);

  /// All of it; nothing where the lock is not to be had. Reads files in /proc: not on a loop.
  Report report();

  /// Another one each time.
  std::uint64_t new_session_id() { return ++last_session_id_; }

  static constexpr std::size_t max_series = 1'024;
  static constexpr std::size_t max_tallies = 1 << 14;
  static constexpr std::size_t max_processes = 4'096;

 private:
  using Clock = std::chrono::system_clock;
  /// As text in memory that processes share, cut where it is too long.
  struct Name {
    void set(std::string_view text);
    std::string_view text() const { return {bytes.data(), size}; }

    std::uint8_t size;
    std::array<char, 127> bytes;
  };
  struct Series {
    Name server;
    Name location;
    Name backend;
    Tally past;  // of processes that are gone
    UpgradesOf<std::atomic<std::uint64_t>> upgrades;

    bool has(const Labels& labels) const;
  };
  /// Written all the time, by one thread: no other one's numbers lie on the same lines of a cache.
  struct alignas(64) Block {
    std::atomic<pid_t> owner;  // 0: free; written last
    SeriesNumber series;
    Tally tally;
  };
  struct Process {
    std::atomic<pid_t> pid;  // 0: free; written last
    bool is_keeper;
    Clock::time_point begun;
  };
  /// In fresh memory, which is zero: nothing here is constructed, or touched, before it is used.
  struct alignas(64) Tables {
    std::array<Series, max_series> series;
    std::array<Block, max_tallies> blocks;
    std::array<Process, max_processes> processes;
  };
  class Lock;

  Board();
  Tables& tables() { return *reinterpret_cast<Tables*>(this + 1); }
  std::span<Series> series_in_use() { return std::span(tables().series).first(series_used_); }
  std::span<Block> blocks_in_use() { return std::span(tables().blocks).first(blocks_used_); }
  std::span<Process> processes_in_use() {
    return std::span(tables().processes).first(processes_used_);
  }
  std::uint64_t fold(Block& block);
  std::vector<Lost> fold_all_of(const std::function<bool(pid_t)>& is_gone);
  static SeriesReport past_of(const Series& series);
  Report counted();

  base::SharedMutex mutex_;
  Clock::time_point begun_ = Clock::now();
  std::atomic<std::uint64_t> last_session_id_{0};
  // Those behind these numbers have never been used.
  std::size_t series_used_ = 0;
  std::size_t blocks_used_ = 0;
  std::size_t processes_used_ = 0;
  // The tables follow.
};

}  // namespace mod_ws::metrics
