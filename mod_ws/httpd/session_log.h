#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "mod_ws/engine/event_loop.h"
#include "mod_ws/httpd/session_log_format.h"

namespace mod_ws::httpd {

class SessionLogFile;

/// What `WebSocketLog` says: where the lines go, and what is in them. It lives as long as the
/// process that has opened it.
struct SessionLog {
  const char* target = nullptr;  ///< A file's name, or `|program`; null: nobody wants lines.
  SessionLogFormat format;
  SessionLogFile* file = nullptr;  ///< Once the server's logs have been opened.
};

/// Registers the opening of the logs.
void register_session_log();

/// `WebSocketLog FILE|pipe [FORMAT]`
const char* set_session_log(cmd_parms* command, void* config, const char* target,
                            const char* format);

/// Null where there is none.
const SessionLog* session_log_of(const server_rec* server);

/// Gives slow programs so much time for what they have not taken, and says what is lost.
/// `side_loop` is the child's; from a thread that is no loop's.
void close_session_logs(engine::EventLoop& side_loop, std::chrono::milliseconds patience);

/// Writes a whole line, soon and on another thread. Any thread.
void write_line(const SessionLog& log, std::string line);

}  // namespace mod_ws::httpd
