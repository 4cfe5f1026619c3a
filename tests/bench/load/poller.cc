#include "tests/bench/load/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace mod_ws::bench {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

void Poller::add(int fd, Session* session) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = session}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Poller::poll_for_sending(Session& session, bool waits) {
  if (waits == session.is_polled_for_sending) return;
  session.is_polled_for_sending = waits;
  epoll_event event{.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = &session}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, session.fd(), &event);
}

void Poller::dispatch(std::chrono::nanoseconds patience, const Serve& serve) {
  constexpr std::int64_t second = std::nano::den;
  const std::int64_t left = std::max<std::int64_t>(patience.count(), 0);
  const timespec timeout{.tv_sec = left / second, .tv_nsec = left % second};
  std::array<epoll_event, 256> events;
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    serve(static_cast<Session*>(event.data.ptr), (event.events & ~EPOLLOUT) != 0);
  }
}

}  // namespace mod_ws::bench
