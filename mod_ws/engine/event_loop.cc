#include "mod_ws/engine/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "mod_ws/engine/contain.h"

namespace mod_ws::engine {
namespace {

constexpr int events_a_turn = 256;

thread_local EventLoop* current_loop = nullptr;

std::uint32_t epoll_events(Interest interest) {
  switch (interest) {
    case Interest::none:
      return 0;
    case Interest::read:
      return EPOLLIN;
    case Interest::write:
      return EPOLLOUT;
    case Interest::read_write:
      return EPOLLIN | EPOLLOUT;
  }
  return 0;
}

bool control(int epoll, int operation, int fd, Interest interest, Watcher* watcher) {
  epoll_event event{};
  event.events = epoll_events(interest);
  event.data.ptr = watcher;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

std::uint32_t tick_of(Clock::time_point time) {
  return static_cast<std::uint32_t>(time.time_since_epoch() / TimerWheel::tick_length);
}

}  // namespace

EventLoop::EventLoop(const LoopOptions& options)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      now_(Clock::now()),
      tick_(tick_of(now_)),
      timers_(now_),
      receive_buffer_(options.receive_buffer_bytes),
      gather_buffer_(options.gather_buffer_bytes) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  // The mailbox is the one descriptor without a watcher.
  if (!control(epoll_.get(), EPOLL_CTL_ADD, mailbox_.fd(), Interest::read, nullptr)) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

EventLoop::~EventLoop() {
  while (residents_ != nullptr) retire(*residents_);
  bury_retired();
}

void EventLoop::post_adoption(std::unique_ptr<Resident> resident) {
  // A letter must be copyable; shared_ptr carries what may be dropped undelivered.
  auto carrier = std::make_shared<std::unique_ptr<Resident>>(std::move(resident));
  resident_count_.fetch_add(1, std::memory_order_relaxed);
  try {
    post([this, carrier] { take_in(std::move(*carrier)); });
  } catch (...) {
    resident_count_.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
}

void EventLoop::adopt(std::unique_ptr<Resident> resident) {
  resident_count_.fetch_add(1, std::memory_order_relaxed);
  take_in(std::move(resident));
}

void EventLoop::take_in(std::unique_ptr<Resident> resident) {
  Resident& adopted = *resident.release();
  adopted.next_ = residents_;
  if (residents_ != nullptr) residents_->previous_ = &adopted;
  residents_ = &adopted;
  contain(
      [&] {
        adopted.on_adopted();
        if (stopping_) adopted.go_away(server_ends);
      },
      [&] { retire(adopted); });
}

void EventLoop::retire(Resident& resident) {
  if (resident.is_retired()) return;
  if (drain_) drain_->forget(resident);
  (resident.previous_ != nullptr ? resident.previous_->next_ : residents_) = resident.next_;
  if (resident.next_ != nullptr) resident.next_->previous_ = resident.previous_;
  resident.mark_retired();
  resident.next_ = retired_;
  retired_ = &resident;
}

void EventLoop::bury_retired() {
  while (retired_ != nullptr) {
    delete std::exchange(retired_, retired_->next_);
    resident_count_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void EventLoop::post_stop(std::chrono::milliseconds grace) {
  post([this, grace] {
    stopping_ = true;
    stop_at_ = now_ + grace;
    // Going away may retire a session at once, but only its own links change then.
    for (Resident* resident = residents_; resident != nullptr;) {
      Resident& leaving = *std::exchange(resident, resident->next_);
      contain([&] { leaving.go_away(server_ends); }, [&] { retire(leaving); });
    }
  });
}

void EventLoop::post_drain(const DrainPlan& plan) {
  post([this, plan] { drain_ = std::make_unique<Drain>(timers_, residents_, plan); });
}

void EventLoop::post_pause() {
  post([this] { paused_ = true; });
}

EventLoop* EventLoop::current() { return current_loop; }

void EventLoop::run() {
  current_loop = this;
  paused_ = false;
  while (!is_finished() && !paused_) turn();
  if (paused_) {
    current_loop = nullptr;
    return;
  }
  while (residents_ != nullptr) retire(*residents_);
  bury_retired();
  current_loop = nullptr;
}

bool EventLoop::is_finished() const {
  return stopping_ && (residents_ == nullptr || now_ >= stop_at_);
}

void EventLoop::turn() {
  std::array<epoll_event, events_a_turn> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events_a_turn, wait_time());
  now_ = Clock::now();
  tick_ = tick_of(now_);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto* const watcher = static_cast<Watcher*>(event.data.ptr);
    if (watcher == nullptr) {
      mailbox_.deliver();
      contain([this] { gather_buffer_.flush(); });
    } else {
      tell(*watcher, {.readable = (event.events & EPOLLIN) != 0,
                      .writable = (event.events & EPOLLOUT) != 0,
                      .broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0});
    }
  }
  visit_again();
  timers_.advance(now_);
  contain([this] { gather_buffer_.flush(); });
  bury_retired();
  std::exchange(released_, {});
}

void EventLoop::tell(Watcher& watcher, Readiness ready) {
  contain([&] {
    watcher.on_ready(ready);
    gather_buffer_.flush();
  });
}

int EventLoop::wait_time() const {
  if (!revisits_.empty()) return 0;
  auto wait = timers_.time_to_next(now_);
  if (stopping_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(stop_at_ - now_);
    wait = std::min(wait.value_or(left), left);
  }
  if (!wait) return -1;
  return static_cast<int>(std::clamp<std::int64_t>(wait->count(), 0, 60'000));
}

bool EventLoop::reserve_watch(int fd) {
  // A break is told all the same: once, and as if it was the mailbox's event, where nothing waits.
  epoll_event event{};
  event.events = EPOLLET;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::cancel_reserved_watch(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

bool EventLoop::watch(int fd, Interest interest, Watcher& watcher) {
  return control(epoll_.get(), EPOLL_CTL_ADD, fd, interest, &watcher);
}

bool EventLoop::watch_reserved(int fd, Interest interest, Watcher& watcher) {
  return control(epoll_.get(), EPOLL_CTL_MOD, fd, interest, &watcher) ||
         (errno == ENOENT && watch(fd, interest, watcher));
}

void EventLoop::change_interest(int fd, Interest interest, Watcher& watcher) {
  control(epoll_.get(), EPOLL_CTL_MOD, fd, interest, &watcher);
}

void EventLoop::unwatch(int fd, Watcher& watcher) {
  // Before closing: a duplicate elsewhere would keep the registration alive.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (std::exchange(watcher.awaits_revisit_, false)) {
    // Its place stays, empty: the list may be in the middle of a visit.
    std::replace(revisits_.begin(), revisits_.end(), &watcher, static_cast<Watcher*>(nullptr));
  }
}

void EventLoop::revisit(Watcher& watcher) {
  if (!std::exchange(watcher.awaits_revisit_, true)) revisits_.push_back(&watcher);
}

void EventLoop::visit_again() {
  // Whoever asks again during its visit is seen in the next turn.
  const std::size_t count = revisits_.size();
  for (std::size_t i = 0; i < count; ++i) {
    Watcher* const watcher = revisits_[i];
    if (watcher == nullptr) continue;
    watcher->awaits_revisit_ = false;
    tell(*watcher, {.readable = true, .writable = false, .broken = false});
  }
  revisits_.erase(revisits_.begin(), revisits_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace mod_ws::engine
