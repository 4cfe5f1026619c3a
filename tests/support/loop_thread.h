#pragma once

#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "mod_ws/engine/event_loop.h"
#include "tests/support/deadline.h"

namespace mod_ws::tests {

/// An event loop on a thread of its own, stopped at the end of the test.
class LoopThread {
 public:
  explicit LoopThread(const engine::LoopOptions& options = {})
      : loop_(std::make_unique<engine::EventLoop>(options)), thread_([this] { loop_->run(); }) {}
  ~LoopThread() { stop(); }

  engine::EventLoop& loop() { return *loop_; }

  /// Runs `work` on the loop's thread and waits for it.
  template <class Work>
  auto call(Work work) -> decltype(work()) {
    using Result = decltype(work());
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
    auto result = task->get_future();
    loop_->post([task] { (*task)(); });
    if (result.wait_for(patience) != std::future_status::ready)
      throw std::runtime_error("the loop does not answer");
    return result.get();
  }

  /// Asks again, on the loop's thread, until it is so; false when patience is over.
  bool wait_until(const std::function<bool()>& condition) {
    const auto end = deadline();
    while (std::chrono::steady_clock::now() < end) {
      if (call(condition)) return true;
      std::this_thread::yield();
    }
    return false;
  }

  bool wait_until_empty() {
    return wait_until([this] { return loop_->resident_count() == 0; });
  }

  /// Ends the thread. The loop is still there, for what must be destroyed before it.
  void halt(std::chrono::milliseconds grace = {}) {
    if (!thread_.joinable()) return;
    loop_->post_stop(grace);
    thread_.join();
  }

  /// Ends the loop, and destroys it with whatever lives on it.
  void stop(std::chrono::milliseconds grace = {}) {
    halt(grace);
    loop_.reset();
  }

 private:
  std::unique_ptr<engine::EventLoop> loop_;
  std::thread thread_;
};

}  // namespace mod_ws::tests
