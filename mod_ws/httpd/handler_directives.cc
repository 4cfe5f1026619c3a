#include "mod_ws/httpd/handler_directives.h"

#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/directive_times.h"
#include "mod_ws/httpd/directive_values.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint64_t min_buffer_bytes = 4 << 10;
constexpr std::uint64_t max_buffer_bytes = 64 << 20;

const char* complain_of_buffer_size(cmd_parms* command, const char* argument) {
  return apr_psprintf(command->pool, "%s takes a size from 4K to 64M; not \"%s\"",
                      command->cmd->name, argument);
}

LocationConfig& location(void* config) { return *static_cast<LocationConfig*>(config); }

}  // namespace

const char* set_handler(cmd_parms* command, void* config, const char* name) {
  const char* complaint = nullptr;
  location(config).handler =
      is_off(name) ? pool_new<LoadedHandler>(command->pool, LoadedHandler{"none", nullptr})
                   : find_handler(command->pool, name, complaint);
  if (location(config).handler != nullptr) return nullptr;
  return apr_psprintf(command->pool, "WebSocketHandler %s: %s", name, complaint);
}

const char* set_handler_option(cmd_parms* command, void* config, const char* name,
                               const char* value) {
  auto*& options = const_cast<connection::HandlerOptions*&>(location(config).handler_options);
  if (options == nullptr) options = pool_new<connection::HandlerOptions>(command->pool);
  options->emplace_back(name, value);
  return nullptr;
}

const char* set_write_buffer(cmd_parms* command, void* config, const char* argument) {
  if (assign(location(config).write_buffer_bytes,
             parse_size_within(argument, min_buffer_bytes, max_buffer_bytes))) {
    return nullptr;
  }
  return complain_of_buffer_size(command, argument);
}

const char* set_read_buffer(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  if (assign(server_config(command->server).read_buffer_bytes,
             parse_size_within(argument, min_buffer_bytes, max_buffer_bytes))) {
    return nullptr;
  }
  return complain_of_buffer_size(command, argument);
}

const char* set_blocked_loop_warning(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  return take_time_or_off(command, server_config(command->server).blocked_loop_warning, argument);
}

}  // namespace mod_ws::httpd
