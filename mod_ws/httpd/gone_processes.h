#pragma once

#include <functional>

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

using IsGone = std::function<bool(pid_t)>;

/// From now on httpd's parent calls `clear_up` when a child has ended, however it did, and now and
/// then for those that are not its children, like keepers, and for what could not be done before.
/// While hooks are registered.
void on_gone_processes(void (*clear_up)(const IsGone& is_gone));

/// Registers what calls them.
void register_gone_processes();

}  // namespace mod_ws::httpd
