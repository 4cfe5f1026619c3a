#pragma once

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

// The directives that only handlers have, as httpd calls them: null, or a complaint.

const char* set_handler(cmd_parms* command, void* config, const char* name);
const char* set_handler_option(cmd_parms* command, void* config, const char* name,
                               const char* value);
const char* set_write_buffer(cmd_parms* command, void* config, const char* argument);

}  // namespace mod_ws::httpd
