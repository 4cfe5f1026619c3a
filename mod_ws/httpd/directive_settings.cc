#include "mod_ws/httpd/directive_settings.h"

#include "mod_ws/httpd/directive_values.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint64_t min_buffer_bytes = 4 << 10;
constexpr std::uint64_t max_buffer_bytes = 64 << 20;

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

const char* take_buffer_size(cmd_parms* command, std::optional<std::size_t>& setting,
                             const char* argument) {
  if (assign(setting, parse_size_within(argument, min_buffer_bytes, max_buffer_bytes)))
    return nullptr;
  return apr_psprintf(command->pool, "%s takes a size from 4K to 64M; not \"%s\"",
                      command->cmd->name, argument);
}

}  // namespace mod_ws::httpd
