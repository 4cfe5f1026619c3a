#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

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

/// The same for lines of many texts: each is due for the first, and then once in a while. In such a
/// while no more than max_texts are. Any thread.
class RareLines {
 public:
  using Clock = RareLine::Clock;
  static constexpr std::size_t max_texts = 64;

  /// How many lines of `text` the one that is due now stands for; 0: none is due.
  std::uint64_t count(std::string_view text, Clock::time_point now = Clock::now()) {
    const std::size_t hash = std::hash<std::string_view>{}(text);
    const std::lock_guard lock(mutex_);
    Told* const told = told_of(hash, now);
    if (told == nullptr) return 0;
    ++told->untold;
    if (now < told->due) return 0;
    told->due = now + RareLine::interval;
    return std::exchange(told->untold, 0);
  }

 private:
  struct Told {
    std::size_t hash = 0;  // of the text
    Clock::time_point due{};
    std::uint64_t untold = 0;
  };

  Told* told_of(std::size_t hash, Clock::time_point now) {
    const auto same = std::find_if(told_.begin(), told_.end(),
                                   [&](const Told& told) { return told.hash == hash; });
    if (same != told_.end()) return &*same;
    const auto old =
        std::find_if(told_.begin(), told_.end(), [&](const Told& told) { return told.due <= now; });
    if (old == told_.end()) return nullptr;
    *old = {.hash = hash};
    return &*old;
  }

  std::mutex mutex_;
  std::array<Told, max_texts> told_;
};

/// What a line that stands for `count` ends with.
inline std::string more_like_it(std::uint64_t count) {
  return count > 1 ? " (and " + std::to_string(count - 1) + " more since this was last said)" : "";
}

}  // namespace mod_ws::base
