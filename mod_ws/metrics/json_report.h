#pragma once

#include <nlohmann/json_fwd.hpp>

#include "mod_ws/metrics/board.h"

namespace mod_ws::metrics {

/// A report as the status page gets it, without the sessions.
nlohmann::json json_report(const Report& report);

}  // namespace mod_ws::metrics
