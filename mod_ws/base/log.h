#pragma once

#include <string>
#include <string_view>

namespace mod_ws::base {

enum class LogLevel : unsigned char { error, warning, info, debug, trace };

/// Where a session's lines go and what they begin with. `server` is the sink's own: httpd's
/// server_rec, which lives as long as the child.
struct LogSubject {
  const void* server = nullptr;
  std::string name;  ///< "client 192.0.2.7:51522 /chat"
};

/// What stands behind the log: httpd's error log, or a test's list. Both functions are called on
/// any thread.
struct LogSink {
  bool (*is_enabled)(const void* server, LogLevel level);
  void (*write)(const void* server, LogLevel level, std::string_view line);
};

/// Installs the sink; before any thread is started. Without one, lines are dropped.
void set_log_sink(const LogSink& sink);

bool log_is_enabled(const void* server, LogLevel level);

/// One line: "<subject>: <text>".
void log(const LogSubject& subject, LogLevel level, std::string_view text);

}  // namespace mod_ws::base
