#pragma once

#include <chrono>
#include <cstddef>

#include "mod_ws/engine/resident.h"
#include "mod_ws/engine/timer_wheel.h"

namespace mod_ws::engine {

/// How the sessions of a loop are sent away.
struct DrainPlan {
  std::chrono::milliseconds wait{0};    ///< Until the first has to go.
  std::chrono::milliseconds spread{0};  ///< From the first to the last.
  Farewell farewell = server_ends;
};

/// Sends a loop's residents away one after the other, so that their clients do not all come back at
/// once. On the loop's thread.
class Drain final : Timer {
 public:
  /// `residents` is the loop's list; it is looked at once the wait is over.
  Drain(TimerWheel& timers, Resident* const& residents, const DrainPlan& plan);

  /// It has been retired.
  void forget(const Resident& resident);

 private:
  void on_timer() override;

  TimerWheel& timers_;
  Resident* const& residents_;
  DrainPlan plan_;
  Clock::time_point begin_;
  bool has_begun_ = false;
  Resident* next_ = nullptr;
  std::size_t total_ = 0;
  std::size_t sent_ = 0;
};

}  // namespace mod_ws::engine
