#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "mod_ws/channels/exchange.h"
#include "mod_ws/engine/engine.h"

namespace mod_ws::httpd {

/// Answers what processes ask each other about single sessions: of this engine's.
channels::Exchange::Responder session_table(const engine::Engine& engine);

// What the status page asks, of all processes. They wait for the answers, a second or two at the
// most: not on a loop.

/// An array of at most `limit` sessions, the youngest of each loop first.
nlohmann::json sessions_as_json(channels::Exchange& exchange, std::size_t limit);

/// Closes the session with this number, with 1001. Whether there was one.
bool close_session(channels::Exchange& exchange, std::uint64_t id);

}  // namespace mod_ws::httpd
