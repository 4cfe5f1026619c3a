#pragma once

#include <string_view>

namespace mod_ws::base {

enum class LogLevel : unsigned char { error, warning, info, debug, trace };

/// Whose line it is. `server` is the sink's own: httpd's server_rec, which lives as long as the
/// child.
struct LogSubject {
  const void* server;
  std::string_view client;  ///< "192.0.2.7:51522"; empty: it is not about one.
  std::string_view uri;     ///< Its query stays out of the log: it may hold a secret.
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

/// One line: "client 192.0.2.7:51522 /chat: <text>".
void log(const LogSubject& subject, LogLevel level, std::string_view text);

}  // namespace mod_ws::base
