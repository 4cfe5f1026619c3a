#include "tests/bench/load/echo_load.h"

#include <sys/prctl.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tests/bench/load/schedule.h"

namespace mod_ws::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

}  // namespace

EchoLoad::EchoLoad(const Options& options) : options_(options), messages_(options.content) {
  for (std::size_t i = 0; i < options.connections; ++i) open();
}

void EchoLoad::open() {
  sessions_.push_back(
      std::make_unique<EchoSession>(options_.target, options_.handshake_headers(), messages_));
  poller_.add(*sessions_.back());
}

void EchoLoad::replace(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    sessions_.pop_front();
    open();
  }
}

void EchoLoad::run(milliseconds duration) {
  const auto end = Clock::now() + duration;
  if (!std::exchange(goes_on_, true)) {
    for (const auto& session : sessions_) answer(*session, options_.in_flight, Clock::now());
  }
  while (Clock::now() < end) {
    dispatch(until_next(end));
    end_thoughts();
  }
}

void EchoLoad::run_at_rate(milliseconds duration) {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // else the kernel sleeps up to 50 us longer
  Schedule schedule(options_.rate, Clock::now());
  const auto end = schedule.next() + duration;
  std::size_t turn = 0;
  while (schedule.next() < end) {
    // What is due by now, and no more: whoever is behind has to read as well.
    const auto due = std::min(Clock::now(), end - nanoseconds(1));
    while (schedule.next() <= due) {
      EchoSession& session = *sessions_[turn++ % sessions_.size()];
      session.queue(schedule.take());
      send(session);
    }
    dispatch(schedule.next() - Clock::now());
  }
}

void EchoLoad::settle() {
  goes_on_ = false;
  thoughts_.clear();
  const auto end = Clock::now() + options_.patience;
  while (has_under_way()) {
    if (Clock::now() > end) throw std::runtime_error("an echo is missing");
    dispatch(milliseconds(100));
  }
}

bool EchoLoad::has_under_way() const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [](const auto& session) { return session->has_under_way(); });
}

std::chrono::nanoseconds EchoLoad::until_next(Clock::time_point end) const {
  if (!thoughts_.empty()) end = std::min(end, thoughts_.front().end);
  return end - Clock::now();
}

void EchoLoad::dispatch(std::chrono::nanoseconds timeout) {
  poller_.dispatch(timeout, [this](Session* session, bool may_read) {
    serve(static_cast<EchoSession&>(*session), may_read);
  });
}

void EchoLoad::serve(EchoSession& session, bool may_read) {
  const std::size_t count = may_read ? session.receive(latencies_) : 0;
  if (!goes_on_ || options_.think_time == milliseconds(0))
    return answer(session, count, Clock::now());
  for (std::size_t i = 0; i < count; ++i)
    thoughts_.push_back({Clock::now() + options_.think_time, &session});
  send(session);
}

void EchoLoad::end_thoughts() {
  while (!thoughts_.empty() && thoughts_.front().end <= Clock::now()) {
    answer(*thoughts_.front().session, 1, thoughts_.front().end);
    thoughts_.pop_front();
  }
}

void EchoLoad::answer(EchoSession& session, std::size_t count, Clock::time_point due) {
  for (std::size_t i = 0; goes_on_ && i < count; ++i) session.queue(due);
  send(session);
}

}  // namespace mod_ws::bench
