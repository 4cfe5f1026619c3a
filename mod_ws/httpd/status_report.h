#pragma once

#include <cstddef>
#include <string>

namespace mod_ws::httpd {

/// Who looks at the status, and what of it.
struct Viewer {
  std::size_t limit;  ///< Sessions that are listed.
  std::string user;   ///< Whom httpd knows may close sessions; empty: nobody.
};

/// Everything there is to know, of all processes, as JSON. It waits for their answers: not on a
/// loop.
std::string status_report(const Viewer& viewer);

}  // namespace mod_ws::httpd
