#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mod_ws::metrics {

/// A number that one thread counts, and any process reads: no lock, and no instruction that locks.
class Counter {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t amount) { add(0 - amount); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Who has ended a session: sent the first Close frame, or was lost without one.
enum class Ender : std::uint8_t { client, backend, server };
/// "client"
const char* name_of(Ender ender);

// A close code's place among the counters. Codes without one of their own share a place.
inline constexpr std::size_t close_places = 19;
std::size_t place_of_close(std::uint16_t code);
/// "1000", "3xxx", "other"
const char* name_of_close(std::size_t place);

// A histogram's counters: how many were at most so long; the last place is for longer ones.
inline constexpr std::array<std::uint32_t, 7> duration_bounds_seconds{1,     10,     60,    600,
                                                                      3'600, 21'600, 86'400};

/// The place of `duration` in a histogram with these bounds, which are in `Unit`s.
template <class Unit, std::size_t Size, class Duration>
std::size_t place_of_duration(const std::array<std::uint32_t, Size>& bounds, Duration duration) {
  const auto* const bound =
      std::lower_bound(bounds.begin(), bounds.end(), duration,
                       [](std::uint32_t units, Duration time) { return Unit(units) < time; });
  return static_cast<std::size_t>(bound - bounds.begin());
}

/// What has happened in the sessions of one series. With Counter: as one loop counts it. With plain
/// numbers: a sum.
template <class Number>
struct TallyOf {
  /// What goes to and from one side of the sessions.
  struct Peer {
    Number received_bytes;  ///< Frames as they come, headers included; below TLS.
    Number received_messages;
    Number received_pings;
    Number sent_bytes;
    Number sent_messages;
    Number sent_pings;
    Number queued_bytes;  ///< That wait for it now.
  };
  /// Messages' bytes on the two sides of zlib.
  struct Compression {
    Number plain_bytes;
    Number compressed_bytes;
  };

  Peer client;
  Peer backend;
  Number begun;  ///< Sessions.
  Number ended;
  Number dropped_messages;  ///< For a side that was too slow.
  Compression deflated;
  Compression inflated;
  std::array<std::array<Number, close_places>, 3> closes;  ///< By Ender.
  std::array<Number, duration_bounds_seconds.size() + 1> durations;
  Number duration_ms;  ///< The sum of all.
};

using Tally = TallyOf<Counter>;
using Sums = TallyOf<std::uint64_t>;
static_assert(sizeof(Tally) == sizeof(Sums));

/// Adds all numbers of a tally, by whatever thread it is counted.
void add(Sums& sums, const Tally& tally);
/// The other way round, for a tally that nobody counts in meanwhile.
void add(Tally& tally, const Sums& sums);

/// A session has ended.
void count_end(Tally& tally, Ender ender, std::uint16_t code, std::chrono::milliseconds age);

/// For what nobody wants to be counted; its numbers mean nothing.
Tally& uncounted();

}  // namespace mod_ws::metrics
