#pragma once

#include <chrono>

#include "mod_ws/channels/exchange.h"
#include "mod_ws/engine/engine.h"

namespace mod_ws::httpd {

/// What runs in a child, and then in its keeper: the sessions, and the channels between them. It
/// lives until the process ends, even when it has been stopped, and is not destroyed then:
/// connections that httpd lets go of last, senders and offloaded work still post to it.
struct Running {
  /// Throws std::system_error when the machine has no threads or descriptors left.
  Running(unsigned threads, const engine::LoopOptions& options);

  // See engine::Engine. From a thread that is no loop's.
  void pause();
  /// Throws std::system_error when there are no threads for it, and may be tried again.
  void resume();
  /// What sessions publish as they end still goes to the other children. `spent`: how long ago
  /// httpd has told the process to end.
  void stop(std::chrono::milliseconds spent);

  engine::Engine engine;
  /// One loop, for the exchange with the other children: no handler can block it.
  engine::Engine mesh_engine;
  channels::Exchange exchange;
};

}  // namespace mod_ws::httpd
