#pragma once

#include <memory>

#include "mod_ws/connection/session_record.h"
#include "mod_ws/httpd/backend_handshake.h"

namespace mod_ws::httpd {

/// The record of a handler's session, with the place that the request has taken. Null when there is
/// none.
std::unique_ptr<connection::SessionRecord> make_session_record(request_rec* r);

/// The record of a relay's session: as above, and the session counts as one of the worker's busy
/// requests, as mod_proxy_balancer counts them; at its end its bytes are the worker's.
std::unique_ptr<connection::SessionRecord> make_relay_record(request_rec* r, proxy_worker* worker);

}  // namespace mod_ws::httpd
