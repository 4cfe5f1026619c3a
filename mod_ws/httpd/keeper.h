#pragma once

#include <optional>

#include "mod_ws/engine/drain.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/httpd/running.h"

namespace mod_ws::httpd {

/// What a child gives to its keeper.
struct Kept {
  Running& running;
  std::optional<engine::DrainPlan> drain;
};

/// Keeps descriptors for fork_keeper(), before a child's sessions use up what it may have. Throws
/// std::system_error.
void reserve_for_keeper();

/// A child ends, and its sessions do not: a fork of it goes on with them, with the same memory and
/// the same descriptors, and without a place in httpd's scoreboard. It ends with its last session,
/// with the drain, or with the server.
///
/// Returns in the child only. True: the keeper has all of it, and the child must not touch it any
/// more. False, with a line in the log: there is none, and the engine goes on here.
bool fork_keeper(const Kept& kept);

}  // namespace mod_ws::httpd
