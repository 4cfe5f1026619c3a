#pragma once

#include <chrono>

namespace mod_ws::tests {

/// How long a test waits for what must come; only a failing one waits so long.
inline constexpr std::chrono::seconds patience{10};

inline std::chrono::steady_clock::time_point deadline() {
  return std::chrono::steady_clock::now() + patience;
}

}  // namespace mod_ws::tests
