#pragma once

#include "mod_ws/base/log.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Makes the engine's lines go to httpd's error log, each to its own server's, under `LogLevel
/// ws:...`.
void install_log_sink();

/// What the lines of this request's session begin with.
base::LogSubject log_subject(const request_rec* r);

}  // namespace mod_ws::httpd
