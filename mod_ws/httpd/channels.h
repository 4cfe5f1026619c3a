#pragma once

#include <memory>

#include "mod_ws/channels/bus.h"
#include "mod_ws/engine/event_loop.h"

namespace mod_ws::httpd {

/// Makes the calling child a member of the server's channels, which it gets on a loop that nobody
/// blocks and that outlives what is returned. Logs why where that is not possible; throws Scarcity
/// where it may be, later.
std::unique_ptr<channels::Bus> join_channels(engine::EventLoop& loop);

/// Registers what the children share.
void register_channels();

}  // namespace mod_ws::httpd
