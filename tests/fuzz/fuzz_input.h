#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mod_ws::fuzz {

/// Takes decisions from the front of a fuzzer's input; zeros once it is used up.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }

  /// Up to the next line end.
  std::string line() {
    const auto end = std::find(rest_.begin(), rest_.end(), '\n');
    std::string text(rest_.begin(), end);
    rest_ = rest_.subspan(std::min(rest_.size(), text.size() + 1));
    return text;
  }

  std::vector<std::uint8_t> rest() const { return {rest_.begin(), rest_.end()}; }

 private:
  std::span<const std::uint8_t> rest_;
};

/// Sizes that a byte stream might be cut into: a small generator, so that an input always cuts the
/// same way.
class Chopper {
 public:
  explicit Chopper(std::uint8_t seed) : state_(seed * 2654435761U + 1) {}

  std::size_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return 1 + state_ % (state_ % 3 == 0 ? 3 : 150);
  }

 private:
  std::uint32_t state_;
};

}  // namespace mod_ws::fuzz
