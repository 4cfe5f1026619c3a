#include "mod_ws/httpd/directive_values.h"

#include <charconv>
#include <limits>
#include <utility>

#include "mod_ws/httpd/httpd.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint64_t max_size_bytes = std::numeric_limits<std::int64_t>::max();
constexpr apr_interval_time_t shortest_time = apr_time_from_msec(1);
constexpr apr_interval_time_t longest_time = apr_time_from_sec(365 * 24 * 3600);

/// By how many bits K, M, G or nothing multiplies; nothing for any other unit.
std::optional<unsigned> shift_of(std::string_view unit) {
  for (const auto& [name, shift] : {std::pair{"", 0U}, {"K", 10U}, {"M", 20U}, {"G", 30U}}) {
    if (protocol::equals_ignoring_case(unit, name)) return shift;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, value);
  const auto shift = shift_of({end, static_cast<std::size_t>(text_end - end)});
  if (error != std::errc{} || !shift || value > max_size_bytes >> *shift) return std::nullopt;
  return value << *shift;
}

bool is_off(std::string_view text) {
  return protocol::equals_ignoring_case(text, "off") ||
         protocol::equals_ignoring_case(text, "none");
}

std::optional<std::uint64_t> parse_size_within(std::string_view text, std::uint64_t lowest,
                                               std::uint64_t highest) {
  const auto size = parse_size(text);
  return size && *size >= lowest && *size <= highest ? size : std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_time(const char* text) {
  apr_interval_time_t time = 0;
  if (ap_timeout_parameter_parse(text, &time, "s") != APR_SUCCESS || time < shortest_time ||
      time > longest_time) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(apr_time_as_msec(time));
}

std::optional<int> parse_number(std::string_view text, int lowest, int highest) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < lowest ||
      number > highest)
    return std::nullopt;
  return number;
}

std::optional<bool> parse_switch(std::string_view text) {
  if (protocol::equals_ignoring_case(text, "on")) return true;
  if (protocol::equals_ignoring_case(text, "off")) return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  constexpr std::string_view unit = "/s";
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  const auto rate = parse_size(text);
  return rate && *rate > 0 ? rate : std::nullopt;
}

std::optional<Assignment> parse_assignment(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  return Assignment{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace mod_ws::httpd
