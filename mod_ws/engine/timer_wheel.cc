#include "mod_ws/engine/timer_wheel.h"

#include <algorithm>

#include "mod_ws/engine/contain.h"

namespace mod_ws::engine {

void TimerWheel::set(Timer& timer, Clock::time_point due) {
  timer.cancel();
  // The tick after the one `due` lies in: never early. And never one that has been fired already.
  timer.due_tick_ = std::max(tick_at(due), current_tick_) + 1;
  timer.insert_before(slot_of(timer.due_tick_));
  earliest_tick_ = std::min(earliest_tick_, timer.due_tick_);
}

void TimerWheel::advance(Clock::time_point now) {
  const std::int64_t until = tick_at(now);
  if (until <= current_tick_) return;
  // After a long sleep every slot is visited once at the most.
  std::int64_t tick = std::max(current_tick_, until - static_cast<std::int64_t>(slot_count));
  current_tick_ = until;
  if (until < earliest_tick_) return;
  while (tick < until) fire_slot(slot_of(++tick));
  find_earliest();
}

void TimerWheel::fire_slot(base::ListLink& slot) {
  if (slot.is_alone()) return;
  // What a timer sets while it fires goes behind this mark, and so is not fired in the same round.
  base::ListLink mark;
  mark.insert_before(slot);
  while (slot.next != &mark) {
    auto& timer = static_cast<Timer&>(*slot.next);
    timer.cancel();
    if (timer.due_tick_ <= current_tick_) {
      contain([&] { timer.on_timer(); });
    } else {
      timer.insert_before(slot);  // of a later round of the wheel
    }
  }
  mark.remove();
}

void TimerWheel::find_earliest() {
  const std::int64_t last = current_tick_ + static_cast<std::int64_t>(slot_count);
  for (earliest_tick_ = current_tick_ + 1; earliest_tick_ <= last; ++earliest_tick_) {
    if (!slot_of(earliest_tick_).is_alone()) return;
  }
  earliest_tick_ = never;
}

std::optional<std::chrono::milliseconds> TimerWheel::time_to_next(Clock::time_point now) const {
  if (earliest_tick_ == never) return std::nullopt;
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(start_ + tick_length * earliest_tick_ - now);
  return std::max(wait, std::chrono::milliseconds(0));
}

}  // namespace mod_ws::engine
