#include "mod_ws/engine/watchdog.h"

#include <algorithm>
#include <string>

#include "mod_ws/base/log.h"
#include "mod_ws/engine/contain.h"

namespace mod_ws::engine {
namespace {

/// A visit is noticed late by at most so much of the limit.
constexpr int looks_in_the_limit = 4;
constexpr std::chrono::milliseconds shortest_time_between{1};

std::chrono::microseconds time_between_looks(std::chrono::microseconds limit) {
  return std::max<std::chrono::microseconds>(limit / looks_in_the_limit, shortest_time_between);
}

std::string seconds(Clock::duration time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time).count() / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

}  // namespace

Watchdog::Watchdog(const std::vector<EventLoop*>& loops, std::chrono::milliseconds limit)
    : limit_(limit) {
  for (EventLoop* const loop : loops) seen_.push_back({.loop = loop});
  thread_ = std::thread(&Watchdog::run, this);
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  stops_.notify_one();
  thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!stops_.wait_for(lock, time_between_looks(limit_), [this] { return is_stopped_; })) {
    for (Seen& seen : seen_) contain([&] { look_at(seen); });
  }
}

void Watchdog::look_at(Seen& seen) const {
  const GuestBook& book = seen.loop->guest_book();
  const auto now = Clock::now();
  const std::uint32_t entry = book.entry();
  if (entry != seen.entry) {
    if (seen.is_reported) {
      base::log({}, base::LogLevel::warning,
                std::string("handler ") + seen.guest + " has let its event loop go on, after " +
                    seconds(now - seen.since));
    }
    seen = {.loop = seen.loop, .entry = entry, .guest = book.guest(), .since = now};
    return;
  }
  if (seen.guest == nullptr || seen.is_reported || now - seen.since < limit_) return;
  seen.is_reported = true;
  base::log({}, base::LogLevel::warning,
            std::string("handler ") + seen.guest + " has kept its event loop for " +
                seconds(now - seen.since) + ", and the loop's " +
                std::to_string(seen.loop->resident_count()) +
                " sessions wait: what takes long belongs into ws::offload()");
}

}  // namespace mod_ws::engine
