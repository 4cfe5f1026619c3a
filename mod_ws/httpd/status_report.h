#pragma once

#include <string>

#include "mod_ws/httpd/session_table.h"

namespace mod_ws::httpd {

/// Everything there is to know, of all processes, as JSON; at most half a second old. `user`: whom
/// httpd knows may close sessions; empty: nobody. It waits for the processes' answers: not on a
/// loop.
std::string status_report(const SessionQuery& query, const std::string& user);

}  // namespace mod_ws::httpd
