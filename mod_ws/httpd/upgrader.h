#pragma once

#include <string>
#include <vector>

#include "mod_ws/httpd/httpd.h"
#include "ws/upgrader.h"

namespace mod_ws::httpd {

/// What a handler's functions see of a request.
ws::Request upgrade_request(request_rec* r);

/// Asks the handler's function, if there is one: OK, or the status of its refusal, with everything
/// set for httpd to send it, or DONE when its body has been sent.
int ask_handler(request_rec* r, const ws::Upgrader& upgrader);

/// The headers that Upgrader::kept_headers names and the request has, each name before its value.
std::vector<std::string> kept_headers(request_rec* r, const ws::Upgrader& upgrader);

/// The handler's subprotocols; else those of the directive.
std::vector<std::string> supported_subprotocols(const ws::Upgrader& upgrader,
                                                const std::vector<std::string>* configured);

}  // namespace mod_ws::httpd
