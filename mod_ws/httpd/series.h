#pragma once

#include "mod_ws/httpd/httpd.h"
#include "mod_ws/metrics/board.h"

namespace mod_ws::httpd {

/// Registers the count of opening handshakes.
void register_series();

/// What a session of this request is counted by, or its refusal.
metrics::Board::SeriesNumber series_of(request_rec* r);

/// The virtual host, the section or ProxyPass line that the request came by, and its handler or, as
/// far as one has been chosen, backend.
metrics::Labels labels_of(request_rec* r);

}  // namespace mod_ws::httpd
