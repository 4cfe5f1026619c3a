#pragma once

#include "tests/bench/load/latencies.h"
#include "tests/bench/load/options.h"

namespace mod_ws::bench {

/// What a thread for each of `options.connections` does again and again, each waiting for its
/// answer. Returns how long each took.

/// Connects, completes the opening handshake, and leaves.
Latencies open_sessions(const Options& options, std::chrono::milliseconds duration);
/// Asks for a page on a connection that stays.
Latencies get_pages(const Options& options, std::chrono::milliseconds duration);

}  // namespace mod_ws::bench
