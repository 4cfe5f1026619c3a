#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

namespace mod_ws::base {

/// A few strings that never change, in one piece of memory: what every session keeps of its
/// request.
class PackedStrings {
 public:
  PackedStrings(std::initializer_list<std::string_view> strings)
      : PackedStrings(std::span(strings.begin(), strings.size())) {}
  explicit PackedStrings(std::span<const std::string_view> strings);

  std::size_t size() const;

  /// The string with this index, as given. Lives as long as this object.
  std::string_view operator[](std::size_t index) const;

 private:
  // How many, where each string ends, counted from the first one's start; then the strings.
  std::unique_ptr<char[]> block_;
};

}  // namespace mod_ws::base
