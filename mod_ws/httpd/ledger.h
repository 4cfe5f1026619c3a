#pragma once

#include <cstdint>

#include "mod_ws/base/session_ledger.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Registers the ledger in which all children of all generations count their sessions, and httpd's
/// parent as the one who gives back what a child held when it died.
void register_ledger();

/// From post_config on.
base::SessionLedger& session_ledger();

/// A share that stands for one that mod_proxy's own counter at `busy` is higher. When the child is
/// killed, the parent lowers the counter, unless httpd has been restarted meanwhile, which made new
/// counters.
base::SessionLedger::Share busy_share(apr_size_t& busy);

/// Lowers mod_proxy's counter by one, if it is above 0.
void lower(apr_size_t& busy);

}  // namespace mod_ws::httpd
