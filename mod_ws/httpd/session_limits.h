#pragma once

#include <cstdint>

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// `WebSocketMaxConnections` or `WebSocketMaxConnectionsPerClient` as it stands in one section, and
/// behind it those of the sections around. Made while the configuration is read or, in a request's
/// pool, merged.
struct SessionLimit {
  const server_rec* server;
  const char* section;  ///< `<Location "/x">`; empty for the server's own.
  std::uint32_t max;    ///< 0: no limit here, and none from further out.
  const SessionLimit* outer;
};

/// A limit for the section that `command` stands in.
const SessionLimit* make_session_limit(cmd_parms* command, std::uint32_t max);

/// What holds where the limits of two sections do.
const SessionLimit* merge_session_limits(apr_pool_t* pool, const SessionLimit* outer,
                                         const SessionLimit* inner);

/// Takes a place for a session with every limit that holds for `r`, once; it belongs to the request
/// until a session takes it out of the request's state. OK, or the status to return, with the
/// reason logged.
int take_place(request_rec* r);

/// Registers the limits for requests to a backend: they are checked before mod_proxy chooses one,
/// for which a refusal would be the backend's failure.
void register_session_limits();

}  // namespace mod_ws::httpd
