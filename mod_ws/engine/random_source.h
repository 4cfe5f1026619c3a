#pragma once

#include <array>
#include <cstdint>

namespace mod_ws::engine {

/// Unpredictable bytes from the kernel, fetched 256 at a time: masking keys must come from a strong
/// source (RFC 6455 10.3). Used on one thread.
class RandomSource {
 public:
  /// Ends the process when the kernel has no randomness to give, which it never says once it has
  /// booted.
  std::array<std::uint8_t, 4> next_key() noexcept;

 private:
  std::array<std::uint8_t, 256> bytes_;
  std::size_t used_ = sizeof bytes_;
};

}  // namespace mod_ws::engine
