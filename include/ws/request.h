#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace ws {

/// The request that opened the session, as httpd had it after authentication and rewriting. The
/// views live as long as the session, or in Upgrader's functions as long as the call.
struct Request {
  std::string_view uri;             ///< Path and query as the client sent them.
  std::string_view remote_address;  ///< The client's, as mod_remoteip sees it: "192.0.2.7:51522".
  std::string_view user;            ///< Whom httpd authenticated; empty if nobody.

  // What header() asks.
  std::optional<std::string_view> (*find_header)(const void* source,
                                                 std::string_view name) = nullptr;
  const void* source = nullptr;

  std::string_view path() const { return uri.substr(0, uri.find('?')); }
  /// What follows the "?"; empty without one.
  std::string_view query() const {
    const auto mark = uri.find('?');
    return mark == std::string_view::npos ? std::string_view{} : uri.substr(mark + 1);
  }
  /// The first parameter with this name, decoded as forms are ("+" is a space).
  std::optional<std::string> query_parameter(std::string_view name) const;

  /// The header's value; several lines are one, joined with ", ". In a session only those that
  /// Upgrader::kept_headers names are known: an idle session holds no more than it needs.
  std::optional<std::string_view> header(std::string_view name) const {
    return find_header == nullptr ? std::nullopt : find_header(source, name);
  }
  /// A cookie's value as it was sent, from the "Cookie" header. (RFC 6265 4.2)
  std::optional<std::string_view> cookie(std::string_view name) const;
};

namespace detail {

inline int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Of application/x-www-form-urlencoded; what is no "%" with two digits stays as it is.
inline std::string decode_form(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                           hex_value(text[i + 2]) >= 0;
    if (is_escape) {
      decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

/// Takes what stands before `separator` off the front of `list`.
inline std::string_view take_until(std::string_view& list, char separator) {
  const auto end = list.find(separator);
  const auto item = list.substr(0, end);
  list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  return item;
}

}  // namespace detail

inline std::optional<std::string> Request::query_parameter(std::string_view name) const {
  for (std::string_view left = query(); !left.empty();) {
    std::string_view value = detail::take_until(left, '&');
    if (detail::decode_form(detail::take_until(value, '=')) == name)
      return detail::decode_form(value);
  }
  return std::nullopt;
}

inline std::optional<std::string_view> Request::cookie(std::string_view name) const {
  for (std::string_view left = header("Cookie").value_or(""); !left.empty();) {
    std::string_view value = detail::take_until(left, ';');
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (detail::take_until(value, '=') == name) return value;
  }
  return std::nullopt;
}

}  // namespace ws
