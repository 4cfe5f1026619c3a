#include "tests/bench/load/echo_load.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace mod_ws::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds patience{10'000};

}  // namespace

EchoLoad::EchoLoad(const Options& options)
    : options_(options), messages_(options.content), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < options.connections; ++i) open();
}

void EchoLoad::open() {
  auto& session = *sessions_.emplace_back(std::make_unique<EchoSession>(
      options_.target, options_.handshake_headers(), messages_, options_.in_flight));
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &session}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, session.fd(), &event);
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

void EchoLoad::settle() {
  goes_on_ = false;
  thoughts_.clear();
  const auto end = Clock::now() + patience;
  while (has_under_way()) {
    if (Clock::now() > end) throw std::runtime_error("an echo is missing");
    dispatch(milliseconds(100));
  }
}

bool EchoLoad::has_under_way() const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [](const auto& session) { return session->has_under_way(); });
}

milliseconds EchoLoad::until_next(Clock::time_point end) const {
  if (!thoughts_.empty()) end = std::min(end, thoughts_.front().end);
  const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
  return std::max(left, milliseconds(0));
}

void EchoLoad::dispatch(milliseconds timeout) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(timeout.count()));
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    serve(*static_cast<EchoSession*>(event.data.ptr), (event.events & ~EPOLLOUT) != 0);
  }
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

void EchoLoad::send(EchoSession& session) {
  const bool waits = !session.send();
  if (waits == session.is_polled_for_sending) return;
  session.is_polled_for_sending = waits;
  epoll_event event{.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = &session}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, session.fd(), &event);
}

}  // namespace mod_ws::bench
