#pragma once

#include "ws/c_handler.h"
#include "ws/conn.h"
#include "ws/task.h"

namespace mod_ws::handler {

/// Serves a session with a handler that is written in C. `handler` outlives it.
ws::Task<> run_c_handler(ws::Conn& conn, const ws_c_handler& handler);

}  // namespace mod_ws::handler
