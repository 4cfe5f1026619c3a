#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/engine/random_source.h"
#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/proxy_url.h"
#include "mod_ws/protocol/response_head.h"
#include "mod_ws/protocol/websocket_url.h"
#include "mod_ws/transport/tls_client.h"
#include "ws/dialer.h"

namespace mod_ws::handler {

/// All that one ws::Dialer::dial() asks for, checked before anything is sent.
struct DialPlan {
  protocol::WebSocketUrl url;
  std::optional<protocol::ProxyUrl> proxy;
  std::optional<transport::TlsClientSettings> tls;   ///< With wss.
  std::string server_name;                           ///< For TLS.
  std::string request;                               ///< The opening handshake.
  std::string accept;                                ///< What the answer must say.
  std::string subprotocols;                          ///< That are offered.
  std::optional<protocol::DeflateSettings> deflate;  ///< That is offered.
  std::chrono::milliseconds timeout{0};              ///< 0: any time.
  std::uint64_t read_limit_bytes = 0;

  /// For messages: the URL without its query, which may be a secret.
  std::string name() const;
};

/// Nothing, with an error, when this cannot be dialed.
std::optional<DialPlan> make_dial_plan(std::string_view url, const ws::Dialer& dialer,
                                       engine::RandomSource& random, ws::DialError& error);

/// What was agreed on with the server.
struct DialAgreement {
  std::string subprotocol;
  std::optional<protocol::DeflateParameters> deflate;
};

/// What is wrong with a server's 101, or nothing, and then `agreement` is set. (RFC 6455 4.1)
std::optional<std::string> check_dial_answer(const DialPlan& plan,
                                             const protocol::ResponseHead& head,
                                             DialAgreement& agreement);

}  // namespace mod_ws::handler
