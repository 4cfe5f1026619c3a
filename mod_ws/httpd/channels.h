#pragma once

#include <memory>

#include "mod_ws/channels/bus.h"
#include "mod_ws/engine/engine.h"

namespace mod_ws::httpd {

/// Makes the calling child a member of the server's channels: its loops get what other children
/// publish. Logs why where that is not possible.
std::unique_ptr<channels::Bus> join_channels(engine::Engine& engine);

/// Registers what the children share.
void register_channels();

}  // namespace mod_ws::httpd
