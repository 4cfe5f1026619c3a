#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mod_ws/base/log.h"
#include "tests/support/deadline.h"

namespace mod_ws::tests {

/// What is logged from here on. One at a time; it outlives the threads that log.
class LogLines {
 public:
  LogLines() {
    kept().lines.clear();
    base::set_log_sink({[](const void*, base::LogLevel) { return true; },
                        [](const void*, base::LogLevel, std::string_view line) {
                          const std::lock_guard lock(kept().mutex);
                          kept().lines.emplace_back(line);
                        }});
  }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;
  ~LogLines() {
    base::set_log_sink({[](const void*, base::LogLevel) { return false; },
                        [](const void*, base::LogLevel, std::string_view) {}});
  }

  std::vector<std::string> all() const {
    const std::lock_guard lock(kept().mutex);
    return kept().lines;
  }
  bool wait_for(std::size_t count) const {
    const auto end = deadline();
    while (all().size() < count) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::vector<std::string> lines;
  };
  static Kept& kept() {
    static Kept the_lines;
    return the_lines;
  }
};

}  // namespace mod_ws::tests
