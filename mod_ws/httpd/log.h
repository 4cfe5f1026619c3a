#pragma once

#include <string>

#include "mod_ws/base/log.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Makes the engine's lines go to httpd's error log, each to its own server's, under `LogLevel
/// ws:...`.
void install_log_sink();

/// The client's address and port, as mod_remoteip sees it: "192.0.2.7:51522".
std::string client_address(const request_rec* r);

}  // namespace mod_ws::httpd
