#include "mod_ws/httpd/directive_times.h"

#include "mod_ws/httpd/directive_values.h"

namespace mod_ws::httpd {
namespace {

const char* take(cmd_parms* command, TimeSetting& setting, const char* argument,
                 const char* or_off) {
  setting = parse_time(argument);
  if (setting) return nullptr;
  return apr_psprintf(command->pool,
                      "%s takes a time from 1ms to 8760h, like 500ms, 10s or 5min%s; not \"%s\"",
                      command->cmd->name, or_off, argument);
}

}  // namespace

const char* take_time(cmd_parms* command, TimeSetting& setting, const char* argument) {
  return take(command, setting, argument, "");
}

const char* take_time_or_off(cmd_parms* command, TimeSetting& setting, const char* argument) {
  if (!is_off(argument)) return take(command, setting, argument, ", or off");
  setting = std::chrono::milliseconds(0);
  return nullptr;
}

}  // namespace mod_ws::httpd
