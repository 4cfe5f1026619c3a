#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mod_ws/protocol/header_field.h"
#include "mod_ws/protocol/proxy_url.h"
#include "mod_ws/protocol/websocket_url.h"

namespace mod_ws::protocol {

/// What is wrong with headers that somebody wants in an opening handshake, or nothing: names that
/// are no tokens, values with line breaks or control characters, and headers that the handshake
/// sets itself or that would give the request a body.
std::optional<std::string> check_client_headers(std::span<const HeaderField> headers);

/// What is wrong with subprotocols to offer, or nothing: each must be a token, and there once. (RFC
/// 6455 4.1)
std::optional<std::string> check_subprotocols(std::span<const std::string> subprotocols);

/// What a client asks for in its opening handshake.
struct ClientRequest {
  const WebSocketUrl& url;
  std::string_view key;                  ///< Base64 of 16 random bytes.
  std::string_view subprotocols;         ///< "chat.v2, chat.v1"; empty: none.
  std::string_view extensions;           ///< Empty: none.
  std::span<const HeaderField> headers;  ///< That have been checked. A Host takes the URL's place.
};

/// The whole request. (RFC 6455 4.1)
std::string serialize_client_request(const ClientRequest& request);

/// The request for a tunnel through an HTTP proxy. (RFC 9110 9.3.6)
std::string serialize_connect_request(const UrlAuthority& target, const ProxyUrl& proxy);

}  // namespace mod_ws::protocol
