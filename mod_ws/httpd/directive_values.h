#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mod_ws::httpd {

// What directives take. Each gives nothing for a text that is none.

/// A number with nothing, K, M or G behind it.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// The same, within bounds.
std::optional<std::uint64_t> parse_size_within(std::string_view text, std::uint64_t lowest,
                                               std::uint64_t highest);

/// What means "none" where a directive has no other word for it.
bool is_off(std::string_view text);

/// A time from 1 ms to a year: a number of seconds, or one with ms, s, min or h behind it.
std::optional<std::chrono::milliseconds> parse_time(const char* text);

/// A whole number within bounds.
std::optional<int> parse_number(std::string_view text, int lowest, int highest);

/// on or off
std::optional<bool> parse_switch(std::string_view text);

/// "50/s"
std::optional<std::uint64_t> parse_rate(std::string_view text);

/// name=value
struct Assignment {
  std::string_view name;
  std::string_view value;
};
std::optional<Assignment> parse_assignment(std::string_view text);

/// Puts a value where there is one, and tells whether there was.
template <class T, class U>
bool assign(T& target, const std::optional<U>& value) {
  if (value) target = static_cast<T>(*value);
  return value.has_value();
}

}  // namespace mod_ws::httpd
