#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mod_ws::protocol {

/// The only protocol version there is (RFC 6455 4.1, IANA).
inline constexpr std::string_view websocket_version = "13";
/// Appended to the key before hashing (RFC 6455 1.3).
inline constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the opening handshake looks at in a client's request. A header that is absent is an empty
/// view; several lines of one name are joined with commas. The views must outlive the call only.
struct HandshakeRequest {
  std::string_view method;
  bool is_http_1_1 = true;  ///< Or later.
  bool has_body = false;    ///< What follows the head would be taken for frames.
  std::string_view upgrade;
  std::string_view connection;
  std::string_view key;              ///< Sec-WebSocket-Key
  std::string_view version;          ///< Sec-WebSocket-Version
  std::string_view extensions = {};  ///< Sec-WebSocket-Extensions
};

/// An HTTP status for a request that cannot become a session, and the reason for the log.
struct Refusal {
  int status;
  const char* reason;
};

/// Whether the request means to open a session at all: it names "websocket" in Upgrade, or carries
/// a Sec-WebSocket-Key. Anything else is an ordinary HTTP request.
bool asks_for_websocket(const HandshakeRequest& request);

/// RFC 6455 4.2.1 and 4.2.2: nothing, or 400, 405, 426. A refusal is to be sent with
/// "Sec-WebSocket-Version: 13", and 426 with "Upgrade: websocket".
std::optional<Refusal> check_request(const HandshakeRequest& request);

/// The subprotocol to answer: the first of `supported` that the client's Sec-WebSocket-Protocol
/// offers, empty if none. Names are compared exactly (RFC 6455 4.2.2 /subprotocol/).
std::string_view choose_subprotocol(std::string_view offered,
                                    std::span<const std::string> supported);

/// What the opening handshake looks at in a server's answer.
struct HandshakeResponse {
  int status = 0;
  std::string_view upgrade;
  std::string_view connection;
  std::string_view accept;       ///< Sec-WebSocket-Accept
  std::string_view subprotocol;  ///< Sec-WebSocket-Protocol
  std::string_view extensions;   ///< Sec-WebSocket-Extensions
};

/// What the request had said that the answer must fit.
struct HandshakeOffer {
  std::string_view accept;  ///< What Sec-WebSocket-Accept must be.
  std::string_view subprotocols;
  std::string_view extensions;
};

/// RFC 6455 4.1, the client's side: nothing when a 101 completes the handshake, else what is wrong
/// with it.
std::optional<std::string> check_response(const HandshakeResponse& response,
                                          const HandshakeOffer& offer);

/// The reserved bits that frames may carry under the extensions of an answer: RSV1 with
/// permessage-deflate, all of them with an extension that is not known here, none without.
std::uint8_t rsv_bits_of(std::string_view extensions);

}  // namespace mod_ws::protocol
