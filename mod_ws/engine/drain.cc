#include "mod_ws/engine/drain.h"

#include <algorithm>
#include <utility>

namespace mod_ws::engine {
namespace {

constexpr std::chrono::milliseconds step{50};

}  // namespace

Drain::Drain(TimerWheel& timers, Resident* const& residents, const DrainPlan& plan)
    : timers_(timers), residents_(residents), plan_(plan), begin_(Clock::now() + plan.wait) {
  timers_.set(*this, begin_);
}

void Drain::on_timer() {
  if (!std::exchange(has_begun_, true)) {
    next_ = residents_;
    for (const Resident* each = next_; each != nullptr; each = each->next_) ++total_;
  }
  const auto passed = Clock::now() - begin_;
  const double part = passed >= plan_.spread ? 1.0
                                             : std::chrono::duration<double>(passed) /
                                                   std::chrono::duration<double>(plan_.spread);
  const auto due = static_cast<std::size_t>(part * static_cast<double>(total_));
  // Going away may retire a session at once, which forget() learns.
  for (; next_ != nullptr && sent_ < due; ++sent_)
    std::exchange(next_, next_->next_)->go_away(plan_.farewell);
  if (next_ != nullptr) timers_.set(*this, Clock::now() + step);
}

void Drain::forget(const Resident& resident) {
  if (next_ != &resident) return;
  next_ = resident.next_;
  ++sent_;
}

}  // namespace mod_ws::engine
