#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/channels/exchange.h"
#include "mod_ws/engine/engine.h"
#include "mod_ws/httpd/session_row.h"

namespace mod_ws::httpd {

/// Answers what processes ask each other about single sessions: of this engine's.
channels::Exchange::Responder session_table(const engine::Engine& engine);

// What the status page asks, of all processes. They wait for the answers, two seconds at the most,
// and leave out a process that does not answer in time: not on a loop.

inline constexpr std::size_t max_listed_sessions = 10'000;

/// Which sessions are to be listed.
struct SessionQuery {
  std::size_t limit;
  std::string filter;  ///< Stands in the client's address, the user, the location, the backend, the
                       ///< URI or the subprotocol, in either case; empty: any.

  auto operator<=>(const SessionQuery&) const = default;
};

/// The youngest of these sessions, the youngest first.
std::vector<SessionRow> list_sessions(channels::Exchange& exchange, const SessionQuery& query);

/// Closes the session with this number, with 1001, and notes in the log that this user did. Whether
/// there was one.
bool close_session(channels::Exchange& exchange, std::uint64_t id, std::string_view user);

}  // namespace mod_ws::httpd
