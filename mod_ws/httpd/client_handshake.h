#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Whether the request means to open a WebSocket session here, and is not a subrequest or on its
/// way to an error page.
bool asks_for_websocket(const request_rec* r);

/// Checks the opening handshake and the Origin. OK, or the status to return, with the headers of
/// the refusal set and the reason logged.
int check_client_handshake(request_rec* r, const protocol::OriginRules& rules);

/// The pages that may connect where nothing is configured.
enum class UsualOrigins : std::uint8_t { same, any };
const protocol::OriginRules& rules_of(UsualOrigins usual);
/// Those of WebSocketOrigin, where it says something.
const protocol::OriginRules& origin_rules(const LocationConfig& location, UsualOrigins usual);

/// Whether the page that a request comes from, if it is one, may do something here that is no
/// session: a page elsewhere must not use the credentials that its reader's browser sends.
/// WebSocketOrigin says which may; pages of this site otherwise.
bool page_may_act(const request_rec* r);

/// Whether somebody besides the handshake may set this header of the answer.
bool may_be_added(std::string_view name, std::string_view value);

/// What the 101 says besides the three headers that every one has. Views live until the call
/// returns.
struct SwitchingTerms {
  std::string_view subprotocol = {};
  std::string_view extensions = {};
  std::optional<std::chrono::milliseconds> timeout =
      std::nullopt;  ///< For the client to take it; else Timeout's.
};

/// Sends the 101 to the client, past httpd's response filters, with the headers that mod_headers
/// and others have set for this response. False when the client is gone.
bool send_switching_protocols(request_rec* r, const SwitchingTerms& terms);

/// Registers what send_switching_protocols() needs.
void register_client_handshake();

}  // namespace mod_ws::httpd
