#pragma once

#include <chrono>
#include <cstdint>

namespace mod_ws::bench {

/// When each message is due at a rate, whether the one before it has been answered or not.
class Schedule {
 public:
  using Clock = std::chrono::steady_clock;

  Schedule(std::size_t per_second, Clock::time_point begin)
      : per_second_(per_second), begin_(begin) {}

  Clock::time_point next() const {
    return begin_ + std::chrono::nanoseconds(taken_ * std::nano::den / per_second_);
  }
  /// The one after it is next.
  Clock::time_point take() {
    const auto due = next();
    ++taken_;
    return due;
  }

 private:
  std::uint64_t per_second_;
  Clock::time_point begin_;
  std::uint64_t taken_ = 0;
};

}  // namespace mod_ws::bench
