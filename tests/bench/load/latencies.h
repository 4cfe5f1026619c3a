#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace mod_ws::bench {

/// Times, counted in a histogram whose steps are less than 2 % wide.
class Latencies {
 public:
  void add(std::chrono::nanoseconds latency) {
    ++counts_[place_of(static_cast<std::uint64_t>(latency.count()))];
    ++count_;
  }

  void add(const Latencies& others) {
    for (std::size_t place = 0; place < counts_.size(); ++place)
      counts_[place] += others.counts_[place];
    count_ += others.count_;
  }

  std::uint64_t count() const { return count_; }

  /// The time that a `share` of all did not exceed, in microseconds; 0 when there are none.
  double quantile_us(double share) const {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t place = 0; place < counts_.size(); ++place) {
      seen += counts_[place];
      if (seen > rank) return static_cast<double>(value_at(place)) / 1000;
    }
    return 0;
  }

 private:
  static constexpr unsigned step_bits = 6;
  static constexpr std::uint64_t steps = 1 << step_bits;

  static std::size_t place_of(std::uint64_t value) {
    if (value < steps) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
    return (shift + 1) * steps + ((value >> shift) - steps);
  }
  static std::uint64_t value_at(std::size_t place) {
    if (place < steps) return place;
    return (steps + place % steps) << (place / steps - 1);
  }

  std::array<std::uint64_t, (64 - step_bits + 1) * steps> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace mod_ws::bench
