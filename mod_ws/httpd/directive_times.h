#pragma once

#include <chrono>
#include <optional>

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

using TimeSetting = std::optional<std::chrono::milliseconds>;

// Null, or a complaint that says what the directive takes.

const char* take_time(cmd_parms* command, TimeSetting& setting, const char* argument);

/// The same, and `off`, which is 0.
const char* take_time_or_off(cmd_parms* command, TimeSetting& setting, const char* argument);

}  // namespace mod_ws::httpd
