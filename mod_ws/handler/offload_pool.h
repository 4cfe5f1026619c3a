#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "mod_ws/engine/event_loop.h"

namespace mod_ws::handler {

/// Threads for what blocks: see ws::offload(). They are started when they are needed, and wait for
/// nobody at the process's end.
class OffloadPool {
 public:
  static constexpr unsigned max_threads = 8;

  OffloadPool();

  /// Runs `work` on a thread of the pool, in turn, then `done` on the loop's. A loop's thread:
  /// threads inherit its blocked signals. Throws std::system_error when there is no thread at all.
  void run(std::function<void()> work, engine::EventLoop& loop, std::function<void()> done);

 private:
  struct Job {
    std::function<void()> work;
    engine::EventLoop* loop;
    std::function<void()> done;
  };
  /// Shared by the threads, which may outlive the pool.
  struct State {
    std::mutex mutex;
    std::condition_variable has_job;
    std::deque<Job> jobs;
    unsigned threads = 0;
    unsigned idle = 0;
  };
  static void serve(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace mod_ws::handler
