#pragma once

#include <chrono>

#include "ws/runtime.h"

namespace ws {

/// Resumes on the loop's thread when the time has passed, at most 20 ms late on a loop that is not
/// blocked. The session's end does not shorten it.
inline Pending<void> sleep_for(std::chrono::milliseconds time) {
  return detail::runtime->sleep_for(time);
}

}  // namespace ws
