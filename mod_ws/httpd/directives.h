#pragma once

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// The table of all directives, for the module record.
extern const command_rec directives[];

}  // namespace mod_ws::httpd
