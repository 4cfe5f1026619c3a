#pragma once

#include "mod_ws/channels/exchange.h"
#include "mod_ws/engine/engine.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Registers what a child does at its birth and at its end: when the child's pool is destroyed,
/// which is after the worker threads have ended, the engine goes on in a keeper, or is stopped
/// where the server ends.
void register_child_life();

// What runs in this child; the first call starts it, so a child without sessions has nothing.
// Worker threads. All throw Scarcity when the machine has no threads or descriptors left.

engine::Engine& child_engine();
/// The same, for a session of a handler: one that blocks its loop is named in the log.
engine::Engine& child_engine_for_handlers();
channels::Exchange& child_exchange();

/// A loop without sessions, for what is done beside them; it ends last.
engine::EventLoop& child_side_loop();

/// A session has been handed over that ends with the child, as SessionRecord has it: where the
/// child is ending already, it is sent away.
void child_has_begun_what_ends();

}  // namespace mod_ws::httpd
