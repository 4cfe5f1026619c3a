#include "mod_ws/connection/deadlines.h"

#include <limits>

namespace mod_ws::connection {
namespace {

using Tick = Deadlines::Tick;
using std::chrono::milliseconds;

constexpr Tick never = std::numeric_limits<Tick>::max();

class Earliest {
 public:
  explicit Earliest(Tick now) : now_(now) {}

  /// A limit of 0 is none.
  void consider(Due due, Tick since, milliseconds limit) {
    if (limit == milliseconds::zero()) return;
    const Tick elapsed = now_ - since;
    const Tick allowed = Deadlines::ticks_in(limit);
    const Tick wait = elapsed < allowed ? allowed - elapsed : 0;
    if (wait < next_.wait) next_ = {due, wait};
  }
  Deadlines::Next next() const { return next_; }

 private:
  Tick now_;
  Deadlines::Next next_{Due::nothing, never};
};

}  // namespace

std::string_view closing_reason(Due due) {
  return due == Due::lifetime ? "the session's lifetime is over" : "idle for too long";
}

Deadlines::Tick Deadlines::ticks_in(milliseconds time) {
  if (time <= milliseconds::zero()) return 0;
  // The present tick may be nearly over.
  return static_cast<Tick>((time + engine::TimerWheel::tick_length - milliseconds(1)) /
                           engine::TimerWheel::tick_length) +
         1;
}

void Deadlines::start(Tick now) { started_ = received_ = data_ = ping_ = now; }

void Deadlines::on_ping(Tick now, bool sent) {
  ping_ = now;
  awaits_pong_ = sent;
}

void Deadlines::on_closing(Tick now) {
  if (is_closing()) return;
  closing_phase_ = ClosingPhase::begun;
  closing_ = now;
}

Deadlines::Next Deadlines::next(const Policy& policy, Tick now) const {
  Earliest earliest(now);
  if (is_closing()) {
    if (awaits_write_ && !hurries_) {
      earliest.consider(Due::write_timeout, write_, policy.write_timeout);
    } else {
      if (awaits_server_end()) {
        earliest.consider(
            Due::server_end, server_end_,
            std::min(server_end_timeout, (policy.close_timeout + milliseconds(1)) / 2));
      }
      earliest.consider(Due::close_timeout, closing_, policy.close_timeout);
    }
    return earliest.next();
  }
  if (awaits_write_) earliest.consider(Due::write_timeout, write_, policy.write_timeout);
  if (awaits_pong_) {
    earliest.consider(Due::pong_timeout, ping_, policy.pong_timeout);
  } else {
    const bool ping_is_later = static_cast<std::int32_t>(ping_ - received_) > 0;
    earliest.consider(Due::ping, ping_is_later ? ping_ : received_, policy.ping_interval);
  }
  earliest.consider(Due::idle_timeout, data_, policy.idle_timeout);
  earliest.consider(Due::lifetime, started_, policy.max_lifetime);
  return earliest.next();
}

}  // namespace mod_ws::connection
