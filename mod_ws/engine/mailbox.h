#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "mod_ws/base/unique_fd.h"

namespace mod_ws::engine {

/// The only way into a loop from another thread: letters, delivered in the order they were posted.
class Mailbox {
 public:
  using Letter = std::function<void()>;

  /// Throws std::system_error when the kernel gives no eventfd.
  Mailbox();

  /// Any thread.
  void post(Letter letter);

  /// While what is returned lives, nobody posts. Any thread.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

  /// Readable while letters wait.
  int fd() const { return wakeup_.get(); }

  /// Runs what has come. The loop's thread.
  void deliver();

 private:
  base::UniqueFd wakeup_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace mod_ws::engine
