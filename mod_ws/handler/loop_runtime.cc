#include "mod_ws/handler/loop_runtime.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "mod_ws/base/log.h"
#include "mod_ws/connection/prepared_message.h"
#include "mod_ws/engine/event_loop.h"
#include "mod_ws/handler/dial_attempt.h"
#include "mod_ws/handler/dial_plan.h"

namespace mod_ws::handler {
namespace {

using engine::EventLoop;

EventLoop& current_loop() {
  if (auto* const loop = EventLoop::current()) return *loop;
  throw std::logic_error("this is for a loop's thread: a handler's coroutine, not another thread");
}

/// The handler that has begun something, and goes on with it later.
class Beginner {
 public:
  EventLoop& loop() const { return loop_; }
  engine::GuestBook::Visit visit() const { return {loop_.guest_book(), name_}; }

 private:
  EventLoop& loop_ = current_loop();
  const char* name_ = loop_.guest_book().guest();
};

class Sleep final : public ws::detail::Outcome<void>, engine::Timer {
 public:
  void start(std::chrono::milliseconds time, std::shared_ptr<Sleep> self) {
    self_ = std::move(self);
    beginner_.loop().set_timer_from_now(*this, time);
  }

 private:
  void cancel() noexcept override {
    Timer::cancel();
    self_.reset();
  }
  void on_timer() override {
    const auto self = std::move(self_);
    const auto visit = beginner_.visit();
    deliver({});
  }

  Beginner beginner_;
  std::shared_ptr<Sleep> self_;  // while the timer is set
};

class Ready final : public ws::detail::Outcome<void>, engine::Watcher {
 public:
  void start(int fd, engine::Interest interest, std::shared_ptr<Ready> self) {
    fd_ = fd;
    if (!watch(interest)) return deliver({});  // a file; or there is no room for it
    self_ = std::move(self);
  }

 private:
  /// epoll knows a descriptor once only: a second coroutine waits for a duplicate.
  bool watch(engine::Interest interest) {
    EventLoop& loop = beginner_.loop();
    if (loop.watch(fd_, interest, *this)) return true;
    if (errno != EEXIST) return false;
    duplicate_ = base::UniqueFd(::fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    fd_ = duplicate_.get();
    return duplicate_ && loop.watch(fd_, interest, *this);
  }
  void on_ready(engine::Readiness) override {
    if (!self_) return;
    end();
    const auto visit = beginner_.visit();
    deliver({});
  }
  void cancel() noexcept override {
    if (self_) end();
  }
  void end() {
    beginner_.loop().unwatch(fd_, *this);
    beginner_.loop().release_later(std::move(self_));
  }

  Beginner beginner_;
  int fd_ = -1;
  base::UniqueFd duplicate_;
  std::shared_ptr<Ready> self_;  // while it is watched
};

}  // namespace

LoopRuntime& runtime() {
  static LoopRuntime the_runtime;
  return the_runtime;
}

std::array<std::unique_lock<std::mutex>, 2> LoopRuntime::hold_work(
    std::chrono::milliseconds patience) {
  const auto end = engine::Clock::now() + patience;
  auto work = pool_.hold(patience);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - engine::Clock::now());
  return {std::move(work), dialing_pool_.hold(std::max(left, std::chrono::milliseconds(0)))};
}

void LoopRuntime::go_on_with_work() {
  pool_.go_on();
  dialing_pool_.go_on();
}

void LoopRuntime::take_over_work() {
  pool_.take_over();
  dialing_pool_.take_over();
}

std::shared_ptr<const ws::detail::Prepared> LoopRuntime::prepare(ws::MessageType type,
                                                                 std::string_view payload) {
  return std::make_shared<connection::PreparedMessage>(type, payload);
}

void LoopRuntime::publish(std::string_view channel,
                          std::shared_ptr<const ws::detail::Prepared> message) {
  if (!connection::prepared_message(*message).is_valid()) {
    return base::log(
        {}, base::LogLevel::error,
        "a text for channel " + std::string(channel) + " is not UTF-8, and is not published");
  }
  if (auto* const known = exchange()) known->publish(channel, std::move(message));
}

channels::Exchange* LoopRuntime::exchange() {
  auto* const known = exchange_.load();
  return known == nullptr && make_exchange_ != nullptr ? make_exchange_() : known;
}

ws::Pending<std::size_t> LoopRuntime::count_subscribers(std::string_view channel) {
  const auto outcome = std::make_shared<ws::detail::Outcome<std::size_t>>();
  const auto deliver = [outcome, beginner = Beginner()](std::size_t count) {
    beginner.loop().post([outcome, beginner, count] {
      const auto visit = beginner.visit();
      outcome->deliver(count);
    });
  };
  if (auto* const known = exchange()) {
    known->count(channel, deliver);
  } else {
    deliver(0);
  }
  return ws::Pending<std::size_t>(outcome);
}

ws::Pending<void> LoopRuntime::sleep_for(std::chrono::milliseconds time) {
  const auto sleep = std::make_shared<Sleep>();
  sleep->start(time, sleep);
  return ws::Pending<void>(sleep);
}

ws::Pending<void> LoopRuntime::wait_ready(int fd, bool for_writing) {
  const auto ready = std::make_shared<Ready>();
  ready->start(fd, for_writing ? engine::Interest::write : engine::Interest::read, ready);
  return ws::Pending<void>(ready);
}

std::shared_ptr<void> LoopRuntime::offload(std::function<void()> work, std::function<void()> done) {
  const Beginner beginner;
  return pool_.run(std::move(work), beginner.loop(), [beginner, done = std::move(done)] {
    const auto visit = beginner.visit();
    done();
  });
}

ws::Pending<ws::DialResult> LoopRuntime::dial(std::string_view url, const ws::Dialer& dialer) {
  EventLoop& loop = current_loop();
  ws::DialResult result;
  if (auto plan = make_dial_plan(url, dialer, loop.random(), result.error))
    return DialAttempt::begin(loop, dialing_pool_, std::move(*plan));
  const auto outcome = std::make_shared<ws::detail::Outcome<ws::DialResult>>();
  outcome->deliver(std::move(result));
  return ws::Pending<ws::DialResult>(outcome);
}

}  // namespace mod_ws::handler
