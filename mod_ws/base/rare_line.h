#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

namespace mod_ws::base {

/// Keeps a line out of the log that would be written for each of many losses: it is due for the
/// first, and then once in a while for those since. Any thread.
class RareLine {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds interval{10};

  /// One more. How many the line that is due now is about; 0: none is due.
  std::uint64_t count(Clock::time_point now = Clock::now()) {
    untold_.fetch_add(1, std::memory_order_relaxed);
    auto due = due_.load(std::memory_order_relaxed);
    const Clock::rep time = now.time_since_epoch().count();
    if (time < due) return 0;
    const auto next = (now + interval).time_since_epoch().count();
    if (!due_.compare_exchange_strong(due, next, std::memory_order_relaxed)) return 0;
    return untold_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<Clock::rep> due_{0};
  std::atomic<std::uint64_t> untold_{0};
};

/// The same for lines of many texts, of which each is due once in a while. Seldom, two of them take
/// turns. Any thread.
class RareLines {
 public:
  bool is_due(std::string_view text, RareLine::Clock::time_point now = RareLine::Clock::now()) {
    return lines_[std::hash<std::string_view>{}(text) % lines_.size()].count(now) > 0;
  }

 private:
  std::array<RareLine, 256> lines_;
};

}  // namespace mod_ws::base
