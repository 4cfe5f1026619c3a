#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/protocol/url_authority.h"

namespace mod_ws::protocol {

/// Where a client connects to, and what it asks for there (RFC 6455 3).
struct WebSocketUrl {
  bool is_secure = false;  ///< wss
  std::string unix_path;   ///< Of the UNIX socket to connect to; empty: TCP.
  UrlAuthority authority;
  std::string target;  ///< Path and query, never empty.

  /// For the Host header: without the port where it is the scheme's own.
  std::string host_header() const;
  /// As it was meant, for messages.
  std::string text() const;
};

/// "ws://host[:port][/path][?query]", the same with wss, and "unix:/path/to/socket|ws://..." as
/// httpd writes it. Nothing, with a complaint, for anything else: a fragment (RFC 6455 3), a user,
/// and what must be percent-encoded but is not.
std::optional<WebSocketUrl> parse_websocket_url(std::string_view text, const char*& complaint);

}  // namespace mod_ws::protocol
