#include "mod_ws/httpd/server_directives.h"

#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/directive_settings.h"
#include "mod_ws/httpd/directive_values.h"

namespace mod_ws::httpd {
namespace {

constexpr int max_engine_threads = 256;
constexpr int max_max_bridged = 20'000;  // the most threads that a child of httpd's can have

const char* complain_of_drain(cmd_parms* command, const char* argument) {
  return apr_psprintf(command->pool,
                      "WebSocketDrain takes a time from 1ms to 8760h, then code=1001 or code=1012 "
                      "and jitter=TIME, which is no longer, or off alone; not \"%s\"",
                      argument);
}

/// code= or jitter=
bool set_drain_option(engine::DrainPlan& plan, std::optional<std::chrono::milliseconds>& jitter,
                      const char* argument) {
  const auto assignment = parse_assignment(argument);
  if (!assignment) return false;
  // The value is the argument's end, so it is a C string too.
  const auto [name, value] = *assignment;
  if (name == "jitter") return assign(jitter, parse_time(value.data()));
  if (name != "code") return false;
  const auto code = parse_number(value, 1001, 1012);
  if (code != 1001 && code != 1012) return false;
  plan.farewell.close_code = static_cast<std::uint16_t>(*code);
  return true;
}

}  // namespace

const char* set_engine_threads(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  const auto threads = parse_number(argument, 1, max_engine_threads);
  if (!threads) {
    return apr_psprintf(command->pool,
                        "WebSocketEngineThreads takes a number from 1 to %d; not \"%s\"",
                        max_engine_threads, argument);
  }
  server_config(command->server).engine_threads = static_cast<unsigned>(*threads);
  return nullptr;
}

const char* set_max_bridged(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  const auto max = parse_number(argument, 0, max_max_bridged);
  if (!max) {
    return apr_psprintf(command->pool,
                        "WebSocketMaxBridged takes a number from 0 to %d; not \"%s\"",
                        max_max_bridged, argument);
  }
  server_config(command->server).max_bridged = static_cast<unsigned>(*max);
  return nullptr;
}

const char* set_compression_memory(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  const auto size = parse_size(argument);
  if (!size) {
    return apr_psprintf(command->pool,
                        "%s takes a size in bytes, with K, M or G behind it; not \"%s\"",
                        command->cmd->name, argument);
  }
  server_config(command->server).compression_memory_bytes = *size;
  return nullptr;
}

const char* set_read_buffer(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  return take_buffer_size(command, server_config(command->server).read_buffer_bytes, argument);
}

const char* set_blocked_loop_warning(cmd_parms* command, void*, const char* argument) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  return take_time_or_off(command, server_config(command->server).blocked_loop_warning, argument);
}

const char* set_drain(cmd_parms* command, void*, int count, char* const arguments[]) {
  if (const char* const complaint = ap_check_cmd_context(command, GLOBAL_ONLY)) return complaint;
  auto& drain = server_config(command->server).drain;
  drain.reset();
  if (count == 1 && is_off(arguments[0])) return nullptr;
  const auto time = count > 0 ? parse_time(arguments[0]) : std::nullopt;
  if (!time) return complain_of_drain(command, count > 0 ? arguments[0] : "");
  engine::DrainPlan plan{.farewell = {1001, "the server is restarted"}};
  std::optional<std::chrono::milliseconds> jitter;
  for (int i = 1; i < count; ++i) {
    if (!set_drain_option(plan, jitter, arguments[i]) || jitter.value_or(*time) > *time)
      return complain_of_drain(command, arguments[i]);
  }
  plan.spread = jitter.value_or(*time);
  plan.wait = *time - plan.spread;
  drain = plan;
  return nullptr;
}

}  // namespace mod_ws::httpd
