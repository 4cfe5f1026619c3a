#pragma once

#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

// The directives that hold for the whole server, as httpd calls them: null, or a complaint.

const char* set_engine_threads(cmd_parms* command, void* config, const char* argument);
const char* set_compression_memory(cmd_parms* command, void* config, const char* argument);
const char* set_read_buffer(cmd_parms* command, void* config, const char* argument);
const char* set_max_bridged(cmd_parms* command, void* config, const char* argument);
const char* set_blocked_loop_warning(cmd_parms* command, void* config, const char* argument);
const char* set_drain(cmd_parms* command, void* config, int count, char* const arguments[]);

}  // namespace mod_ws::httpd
