#include "mod_ws/engine/random_source.h"

#include <sys/random.h>

#include <algorithm>
#include <exception>

namespace mod_ws::engine {

std::array<std::uint8_t, 4> RandomSource::next_key() noexcept {
  if (used_ == bytes_.size()) {
    // Up to 256 bytes come whole and without waiting, once the kernel's source is seeded.
    if (::getrandom(bytes_.data(), bytes_.size(), 0) != static_cast<ssize_t>(bytes_.size())) {
      std::terminate();
    }
    used_ = 0;
  }
  std::array<std::uint8_t, 4> key;
  std::copy_n(&bytes_[used_], key.size(), key.begin());
  used_ += key.size();
  return key;
}

}  // namespace mod_ws::engine
