#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "mod_ws/engine/event_loop.h"

namespace mod_ws::engine {

/// Looks at the loops' guest books, on a thread of its own, and names in the log whoever does not
/// let a loop go on.
class Watchdog {
 public:
  /// A visit of `limit` is reported, and once more when it is over. The loops outlive the watchdog.
  /// Throws std::system_error where there is no thread for it.
  Watchdog(const std::vector<EventLoop*>& loops, std::chrono::milliseconds limit);
  ~Watchdog();

 private:
  struct Seen {
    EventLoop* loop;
    std::uint32_t entry = 0;
    const char* guest = nullptr;
    Clock::time_point since{};
    bool is_reported = false;
  };

  void run();
  void look_at(Seen& seen) const;

  std::vector<Seen> seen_;
  const std::chrono::milliseconds limit_;
  std::mutex mutex_;
  std::condition_variable stops_;
  bool is_stopped_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace mod_ws::engine
