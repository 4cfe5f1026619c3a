#pragma once

#include <sys/types.h>

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Registers what ties keepers to the server: pipes that are made once in the server's life.
/// httpd's parent does not know its keepers, since they are no children of its.
void register_lifeline();

/// A child begins: it gives up what only the parent has.
void enter_child();

/// Becomes readable when httpd's parent ends, or has died. Keepers only.
int lifeline();

/// The process that has started this one, and that a pid file names.
pid_t httpds_parent();

}  // namespace mod_ws::httpd
