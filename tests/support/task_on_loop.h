#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "tests/support/loop_thread.h"
#include "ws/task.h"

namespace mod_ws::tests {

/// A coroutine that runs on a loop's thread, and is destroyed there: at the latest with this.
class TaskOnLoop {
 public:
  /// `make` is called on the loop's thread.
  TaskOnLoop(LoopThread& thread, std::function<ws::Task<>()> make) : thread_(thread) {
    thread_.call([&] {
      running_.emplace();
      running_->make = std::move(make);
      running_->task = running_->make();
      running_->task.start(*running_);
    });
  }
  TaskOnLoop(const TaskOnLoop&) = delete;
  TaskOnLoop& operator=(const TaskOnLoop&) = delete;
  ~TaskOnLoop() { destroy(); }

  bool wait() {
    return thread_.wait_until([this] { return running_->is_done; });
  }
  void destroy() {
    if (running_) thread_.call([this] { running_.reset(); });
  }

 private:
  struct Running final : ws::detail::TaskOwner {
    void on_task_done() noexcept override { is_done = true; }
    bool is_done = false;
    std::function<ws::Task<>()> make;  // what a lambda has captured, its coroutine uses
    ws::Task<> task;
  };
  LoopThread& thread_;
  std::optional<Running> running_;  // the loop's thread only
};

}  // namespace mod_ws::tests
