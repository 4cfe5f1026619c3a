#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "mod_ws/base/list_link.h"

namespace mod_ws::engine {

using Clock = std::chrono::steady_clock;

/// Something to do later, once. It is a link of the wheel's lists itself, so setting and cancelling
/// cost O(1) and no memory.
class Timer : private base::ListLink {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Called on the loop's thread once the time has come; the timer is no longer set then.
  virtual void on_timer() = 0;

  bool is_set() const { return !is_alone(); }
  void cancel() { remove(); }

 protected:
  virtual ~Timer() { cancel(); }

 private:
  friend class TimerWheel;
  std::int64_t due_tick_ = 0;
};

/// A hashed timing wheel: 1,024 slots of 10 ms. A timer fires in the tick after its time, never
/// before it. Used on one thread.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds tick_length{10};

  explicit TimerWheel(Clock::time_point now) : start_(now) {}

  /// Sets the timer, or moves it.
  void set(Timer& timer, Clock::time_point due);

  /// Fires what is due at `now`.
  void advance(Clock::time_point now);

  /// How long a loop may sleep from `now` on before `advance` has something to look at; nothing
  /// when no timer is set.
  std::optional<std::chrono::milliseconds> time_to_next(Clock::time_point now) const;

 private:
  static constexpr std::size_t slot_count = 1024;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  std::int64_t tick_at(Clock::time_point time) const { return (time - start_) / tick_length; }
  base::ListLink& slot_of(std::int64_t tick) {
    return slots_[static_cast<std::size_t>(tick) % slot_count];
  }
  void fire_slot(base::ListLink& slot);
  void find_earliest();

  Clock::time_point start_;
  std::int64_t current_tick_ = 0;  // what was due up to it has fired
  // No slot before this tick holds a timer; a cancelled one may have left it too early. Spares each
  // turn of the loop the search.
  std::int64_t earliest_tick_ = never;
  std::array<base::ListLink, slot_count> slots_;
};

}  // namespace mod_ws::engine
