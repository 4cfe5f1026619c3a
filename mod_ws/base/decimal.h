#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mod_ws::base {

/// A number of decimal digits and nothing else, below 2^64.
inline std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && parsed == end ? std::optional(number) : std::nullopt;
}

}  // namespace mod_ws::base
