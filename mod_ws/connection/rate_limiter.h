#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "mod_ws/engine/timer_wheel.h"

namespace mod_ws::connection {

/// What `WebSocketRateLimit` says.
struct RateLimit {
  enum class Action : std::uint8_t {
    delay,  ///< The peer is read from more slowly.
    close,  ///< It gets close 1008.
  };

  std::uint64_t messages_per_second = 0;   ///< 0: any number.
  std::uint64_t bytes_per_second = 0;      ///< Of frames, headers included. 0: any number.
  std::chrono::milliseconds burst{1'000};  ///< So much time's worth of both may come at once.
  Action action = Action::delay;

  bool is_set() const { return messages_per_second != 0 || bytes_per_second != 0; }
  bool operator==(const RateLimit&) const = default;
};

/// How fast one peer sends. What it sends is worth time, at the limit's rate; it may be ahead of
/// the clock by the burst.
class RateLimiter {
 public:
  using Time = engine::Clock::time_point;

  /// `limit` outlives the limiter.
  explicit RateLimiter(const RateLimit& limit) : limit_(limit) {}

  /// Counts what has come.
  void take(Time now, std::uint64_t messages, std::uint64_t bytes);

  /// How much may come at once now, at least 1 and at most `most`: the burst's worth that is left.
  std::size_t allowed_bytes(Time now, std::size_t most) const;

  /// When more may come; not after `now` while the peer keeps to the limit.
  Time next() const { return ahead_ - limit_.burst; }

 private:
  const RateLimit& limit_;
  Time messages_until_{};
  Time bytes_until_{};
  Time ahead_{};  // the later one
};

}  // namespace mod_ws::connection
