#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "tests/bench/load/latencies.h"

namespace mod_ws::bench {

/// What is published to many, and whom it has reached.
class Deliveries {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Deliveries(std::size_t subscribers) : subscribers_(subscribers) {}

  /// The next message's number.
  std::uint64_t published() const { return complete_ + under_way_.size(); }
  void publish(Clock::time_point now) { under_way_.push_back({.since = now, .reached = 0}); }
  /// The message has reached one subscriber more; each counts its own messages. Throws
  /// std::runtime_error if there is no such message, or it has been everywhere.
  void deliver(std::uint64_t number, Clock::time_point now);

  /// Messages that have not reached everybody.
  std::size_t under_way() const { return under_way_.size(); }

  /// From publishing to each subscriber.
  const Latencies& latencies() const { return latencies_; }
  void forget_latencies() { latencies_ = {}; }

 private:
  struct Publication {
    Clock::time_point since;
    std::size_t reached;
  };

  std::size_t subscribers_;
  std::deque<Publication> under_way_;
  std::uint64_t complete_ = 0;
  Latencies latencies_;
};

}  // namespace mod_ws::bench
