#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
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
  /// `done` also runs where the work has been lost: see take_over().
  ///
  /// When what is returned is destroyed before the work has begun, neither of them runs, and both
  /// are destroyed at once.
  [[nodiscard]] std::shared_ptr<void> run(std::function<void()> work, engine::EventLoop& loop,
                                          std::function<void()> done);

  /// Before a fork: waits until no work is under way, at most so long. From here on none begins,
  /// until take_over() or go_on(); while what is returned lives, none ends either.
  std::unique_lock<std::mutex> hold(std::chrono::milliseconds patience);

  /// In a forked process, which has none of the threads: what waits goes on here, and what was
  /// under way is lost. Not while the mail of a loop is held.
  void take_over();

  /// There was no fork after all.
  void go_on();

 private:
  struct Job;
  struct State;
  using Jobs = std::list<std::shared_ptr<Job>>;
  struct Job {
    std::function<void()> work;
    engine::EventLoop* loop;
    std::function<void()> done;
    std::shared_ptr<State> state;
    Jobs::iterator place{};  // in one of the state's lists
    bool waits = false;
  };
  /// Shared by the threads, which may outlive the pool.
  struct State {
    std::mutex mutex;
    std::condition_variable has_job;
    std::condition_variable has_rested;
    Jobs waiting;
    Jobs under_way;
    bool is_held = false;
    unsigned threads = 0;
    unsigned idle = 0;
  };
  void start_thread();
  static void serve(const std::shared_ptr<State>& state);
  static void withdraw(Job& job);

  std::shared_ptr<State> state_;
};

}  // namespace mod_ws::handler
