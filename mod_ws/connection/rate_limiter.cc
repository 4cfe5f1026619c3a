#include "mod_ws/connection/rate_limiter.h"

#include <algorithm>

namespace mod_ws::connection {
namespace {

using Time = RateLimiter::Time;

/// What `count` is worth at `per_second`, from `until` on or from now.
Time advanced(Time until, Time now, std::uint64_t count, std::uint64_t per_second) {
  if (per_second == 0) return {};
  const std::chrono::duration<double> worth(static_cast<double>(count) /
                                            static_cast<double>(per_second));
  return std::max(until, now) + std::chrono::duration_cast<Time::duration>(worth);
}

}  // namespace

void RateLimiter::take(Time now, std::uint64_t messages, std::uint64_t bytes) {
  messages_until_ = advanced(messages_until_, now, messages, limit_.messages_per_second);
  bytes_until_ = advanced(bytes_until_, now, bytes, limit_.bytes_per_second);
  ahead_ = std::max(messages_until_, bytes_until_);
}

std::size_t RateLimiter::allowed_bytes(Time now, std::size_t most) const {
  if (limit_.bytes_per_second == 0) return most;
  const std::chrono::duration<double> left = limit_.burst - (std::max(bytes_until_, now) - now);
  const double bytes = left.count() * static_cast<double>(limit_.bytes_per_second);
  return static_cast<std::size_t>(std::clamp(bytes, 1.0, static_cast<double>(most)));
}

}  // namespace mod_ws::connection
