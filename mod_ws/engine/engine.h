#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "mod_ws/engine/event_loop.h"
#include "mod_ws/engine/watchdog.h"

namespace mod_ws::engine {

/// A child process's event loops, each on a thread of its own.
class Engine {
 public:
  /// Starts `thread_count` loops, at least one. Throws std::system_error when threads or
  /// descriptors have run out.
  Engine(unsigned thread_count, const LoopOptions& options);

  /// As stop() with no grace.
  ~Engine();

  /// The loop with the fewest sessions. Any thread.
  EventLoop& least_loaded();

  /// All of them; they live as long as the engine. Any thread.
  std::vector<EventLoop*> loops() const;

  /// The sessions of all loops. Any thread.
  std::size_t resident_count() const;

  /// From here on the log names guests that keep a loop for longer than `limit`. Only the first
  /// call counts. Any thread; throws std::system_error when there is no thread for it.
  void watch_guests(std::chrono::milliseconds limit);

  /// Ends the threads, and leaves the loops with all that lives on them as they are. For
  /// resume(), here or in a process that is forked meanwhile. From a thread that is no loop's.
  void pause();
  /// Throws std::system_error when there are no threads for it, and leaves it paused; nothing where
  /// it is not paused.
  void resume();

  /// While what is returned lives, no thread is in the middle of giving something to a loop, so
  /// that the process may fork.
  std::vector<std::unique_lock<std::mutex>> hold_mail();

  /// See EventLoop::post_drain(). Any thread.
  void drain(const DrainPlan& plan);

  /// Lets sessions say goodbye for at most `grace`, then ends the threads. Once, from a thread that
  /// is no loop's.
  void stop(std::chrono::milliseconds grace);

 private:
  void start_threads();
  void join_threads();

  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
  std::mutex watchdog_mutex_;
  std::chrono::milliseconds guest_limit_{0};
  std::unique_ptr<Watchdog> watchdog_;  // while there is a limit, and threads
};

}  // namespace mod_ws::engine
