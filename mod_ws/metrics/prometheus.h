#pragma once

#include <string>

#include "mod_ws/metrics/board.h"

namespace mod_ws::metrics {

/// The media type of prometheus_text().
inline constexpr const char* prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

/// A report in the text format that Prometheus reads. README lists what is in it.
std::string prometheus_text(const Report& report);

}  // namespace mod_ws::metrics
