#include "mod_ws/base/log.h"

#include <string>

namespace mod_ws::base {
namespace {

LogSink installed_sink{[](const void*, LogLevel) { return false; },
                       [](const void*, LogLevel, std::string_view) {}};

}  // namespace

void set_log_sink(const LogSink& sink) { installed_sink = sink; }

bool log_is_enabled(const void* server, LogLevel level) {
  return installed_sink.is_enabled(server, level);
}

void log(const LogSubject& subject, LogLevel level, std::string_view text) {
  if (!log_is_enabled(subject.server, level)) return;
  std::string line;
  if (!subject.client.empty()) line.append("client ").append(subject.client).append(" ");
  const std::string_view path = subject.uri.substr(0, subject.uri.find('?'));
  if (!path.empty()) line.append(path).append(": ");
  line += text;
  installed_sink.write(subject.server, level, line);
}

}  // namespace mod_ws::base
