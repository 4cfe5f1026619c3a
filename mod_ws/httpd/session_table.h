#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/channels/exchange.h"
#include "mod_ws/engine/engine.h"

namespace mod_ws::httpd {

/// Makes a process answer what the others ask about single sessions: here, of this engine's.
void serve_session_table(channels::Exchange& exchange, engine::Engine& engine);

// What the status page asks, of all processes. They wait for the answers, a second or two at the
// most: not on a loop.

/// A JSON array of at most `limit` sessions, the youngest of each loop first.
std::string sessions_as_json(channels::Exchange& exchange, std::size_t limit);

/// Closes the session with this number, with 1001. Whether there was one.
bool close_session(channels::Exchange& exchange, std::uint64_t id);

}  // namespace mod_ws::httpd
