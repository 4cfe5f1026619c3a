#pragma once

#include "mod_ws/httpd/handlers.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

inline constexpr const char* status_handler_name = "websocket-status";

/// Whether `SetHandler websocket-status` holds for the request.
inline bool is_for_status(const request_rec* r) {
  return view_of(r->handler) == status_handler_name;
}

/// Whether the configuration has a status page anywhere: else nobody asks for single sessions.
bool has_status_page();

/// What serves the page's own WebSocket.
const LoadedHandler& status_session();
/// Once, before there are threads.
void equip_status_session();

/// Registers `SetHandler websocket-status`: the page, `?json`, `?metrics`, and POST with
/// `?close=ID`.
void register_status_handler();

/// Registers a section of mod_status.
void register_status_section();

}  // namespace mod_ws::httpd
