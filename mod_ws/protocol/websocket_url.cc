#include "mod_ws/protocol/websocket_url.h"

#include <algorithm>

#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

constexpr std::uint16_t ws_port = 80;
constexpr std::uint16_t wss_port = 443;
constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t max_unix_path_bytes = 107;  // what a sockaddr_un holds

std::uint16_t default_port(bool is_secure) { return is_secure ? wss_port : ws_port; }

std::string_view scheme_of(bool is_secure) { return is_secure ? "wss://" : "ws://"; }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!equals_ignoring_case(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// It goes into the request line, so no byte of it may end that or stand for something else.
bool is_target_char(char c) { return c > ' ' && c < '\x7F'; }

/// Takes "unix:/path|" off the front. A complaint, or null.
const char* take_unix_path(std::string_view& text, std::string& path) {
  if (!take_prefix(text, unix_prefix)) return nullptr;
  const auto bar = text.find('|');
  if (bar == std::string_view::npos) return "behind unix:/path, |ws://host/path is missing";
  path = text.substr(0, bar);
  text.remove_prefix(bar + 1);
  if (!path.starts_with('/') || path.find('\0') != std::string::npos)
    return "the path of a UNIX socket begins with \"/\"";
  if (path.size() > max_unix_path_bytes) return "the path of a UNIX socket has at most 107 bytes";
  return nullptr;
}

/// Takes the scheme off the front. A complaint, or null.
const char* take_scheme(std::string_view& text, bool& is_secure) {
  is_secure = take_prefix(text, scheme_of(true));
  if (is_secure || take_prefix(text, scheme_of(false))) return nullptr;
  return "it does not begin with ws:// or wss://";
}

/// A complaint, or null.
const char* check_target(std::string_view target) {
  if (target.find('#') != std::string_view::npos) return "a fragment (#) is not allowed";
  if (!std::all_of(target.begin(), target.end(), is_target_char))
    return "spaces, control characters and non-ASCII characters must be percent-encoded";
  return nullptr;
}

}  // namespace

std::optional<WebSocketUrl> parse_websocket_url(std::string_view text, const char*& complaint) {
  WebSocketUrl url;
  complaint = take_unix_path(text, url.unix_path);
  if (complaint == nullptr) complaint = take_scheme(text, url.is_secure);
  if (complaint != nullptr) return std::nullopt;
  const auto target = text.substr(std::min(text.find_first_of("/?#"), text.size()));
  text.remove_suffix(target.size());
  complaint = check_target(target);
  if (complaint != nullptr) return std::nullopt;
  auto authority = parse_url_authority(text, default_port(url.is_secure), complaint);
  if (!authority) return std::nullopt;
  url.authority = std::move(*authority);
  if (!target.starts_with('/')) url.target = "/";
  url.target += target;
  return url;
}

std::string WebSocketUrl::host_header() const {
  return authority.port == default_port(is_secure) ? host_in_url(authority.host)
                                                   : authority_with_port(authority);
}

std::string WebSocketUrl::text() const {
  std::string text;
  if (!unix_path.empty()) text.append(unix_prefix).append(unix_path).append("|");
  return text.append(scheme_of(is_secure)).append(host_header()).append(target);
}

}  // namespace mod_ws::protocol
