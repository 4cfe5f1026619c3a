#pragma once

#include <chrono>
#include <optional>

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

using TimeSetting = std::optional<std::chrono::milliseconds>;

// What several directives take: null, or a complaint that says what it is.

const char* take_time(cmd_parms* command, TimeSetting& setting, const char* argument);

/// The same, and `off`, which is 0.
const char* take_time_or_off(cmd_parms* command, TimeSetting& setting, const char* argument);

/// A size that a buffer may have.
const char* take_buffer_size(cmd_parms* command, std::optional<std::size_t>& setting,
                             const char* argument);

}  // namespace mod_ws::httpd
