#include "mod_ws/httpd/handler_directives.h"

#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/directive_settings.h"
#include "mod_ws/httpd/directive_values.h"

namespace mod_ws::httpd {
namespace {

LocationConfig& location(void* config) { return *static_cast<LocationConfig*>(config); }

}  // namespace

const char* set_handler(cmd_parms* command, void* config, const char* name) {
  const char* complaint = nullptr;
  location(config).handler =
      is_off(name) ? pool_new<LoadedHandler>(command->pool, LoadedHandler{"none", nullptr})
                   : find_handler(command->pool, name, complaint);
  location(config).handler_section = command->path;
  if (location(config).handler != nullptr) return nullptr;
  return apr_psprintf(command->pool, "WebSocketHandler %s: %s", name, complaint);
}

const char* set_handler_option(cmd_parms* command, void* config, const char* name,
                               const char* value) {
  const auto*& options = location(config).handler_options;
  auto* const extended = pool_new<connection::HandlerOptions>(command->pool);
  if (options != nullptr) *extended = *options;
  extended->emplace_back(name, value);
  options = extended;
  return nullptr;
}

const char* set_write_buffer(cmd_parms* command, void* config, const char* argument) {
  return take_buffer_size(command, location(config).write_buffer_bytes, argument);
}

}  // namespace mod_ws::httpd
