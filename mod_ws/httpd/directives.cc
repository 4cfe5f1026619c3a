#include "mod_ws/httpd/directives.h"

#include <charconv>
#include <limits>

#include "mod_ws/httpd/config.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint64_t max_size_bytes = std::numeric_limits<std::int64_t>::max();
constexpr int max_engine_threads = 256;

LocationConfig& location(void* config) { return *static_cast<LocationConfig*>(config); }

/// By how many bits K, M, G or nothing multiplies; nothing for any other unit.
std::optional<unsigned> shift_of(std::string_view unit) {
  for (const auto& [name, shift] : {std::pair{"", 0U}, {"K", 10U}, {"M", 20U}, {"G", 30U}}) {
    if (protocol::equals_ignoring_case(unit, name)) return shift;
  }
  return std::nullopt;
}

/// A number with nothing, K, M or G behind it. Nothing when it is not one, or too large.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, value);
  const auto shift = shift_of({end, static_cast<std::size_t>(text_end - end)});
  if (error != std::errc{} || !shift || value > max_size_bytes >> *shift) return std::nullopt;
  return value << *shift;
}

template <auto member>
const char* set_size(cmd_parms* command, void* config, const char* argument) {
  const auto size = parse_size(argument);
  if (!size) {
    return apr_psprintf(
        command->pool,
        "%s takes a size in bytes, with K, M or G behind it, or 0 for no limit; not \"%s\"",
        command->cmd->name, argument);
  }
  location(config).*member = *size;
  return nullptr;
}

template <auto member>
const char* set_time(cmd_parms* command, void* config, const char* argument) {
  apr_interval_time_t time = 0;
  if (ap_timeout_parameter_parse(argument, &time, "s") != APR_SUCCESS ||
      time < apr_time_from_msec(1) || time > apr_time_from_sec(365 * 24 * 3600)) {
    return apr_psprintf(command->pool,
                        "%s takes a time above 0, like 500ms, 10s or 5min; not \"%s\"",
                        command->cmd->name, argument);
  }
  location(config).*member = std::chrono::milliseconds(apr_time_as_msec(time));
  return nullptr;
}

/// All LoadModule lines have been carried out before any other directive is, so a handler is known
/// by now or never.
const char* set_handler(cmd_parms* command, void* config, const char* name) {
  location(config).handler = name == std::string_view(no_handler.name)
                                 ? &no_handler
                                 : static_cast<const ws::Handler*>(ap_lookup_provider(
                                       ws::provider_group, name, ws::abi_version));
  if (location(config).handler != nullptr) return nullptr;
  return apr_psprintf(
      command->pool,
      "WebSocketHandler %s: no loaded module has a handler of that name for interface version %s",
      name, ws::abi_version);
}

const char* add_origin(cmd_parms* command, void* config, const char* argument) {
  auto*& rules = const_cast<protocol::OriginRules*&>(location(config).origin);
  if (rules == nullptr) rules = pool_new<protocol::OriginRules>(command->pool);
  if (const auto complaint = rules->add(argument)) {
    return apr_pstrcat(command->pool, "WebSocketOrigin: \"", argument, "\" ", complaint->c_str(),
                       nullptr);
  }
  return nullptr;
}

const char* add_subprotocol(cmd_parms* command, void* config, const char* name) {
  if (!protocol::is_token(name)) {
    return apr_pstrcat(
        command->pool,
        "WebSocketSubprotocol takes names of letters, digits and !#$%&'*+-.^_`|~; not \"", name,
        "\"", nullptr);
  }
  auto*& names = const_cast<std::vector<std::string>*&>(location(config).subprotocols);
  if (names == nullptr) names = pool_new<std::vector<std::string>>(command->pool);
  names->emplace_back(name);
  return nullptr;
}

/// A whole number within bounds.
std::optional<int> parse_number(std::string_view text, int lowest, int highest) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < lowest ||
      number > highest)
    return std::nullopt;
  return number;
}

template <class T, class U>
bool assign(T& target, const std::optional<U>& value) {
  if (value) target = static_cast<T>(*value);
  return value.has_value();
}

/// on or off
std::optional<bool> parse_switch(std::string_view text) {
  if (protocol::equals_ignoring_case(text, "on")) return true;
  if (protocol::equals_ignoring_case(text, "off")) return false;
  return std::nullopt;
}

bool set_compression_mode(connection::Compression& compression, std::string_view mode) {
  using Mode = connection::Compression::Mode;
  for (const auto& [name, value] :
       {std::pair{"on", Mode::on}, {"off", Mode::off}, {"pass", Mode::pass}}) {
    if (!protocol::equals_ignoring_case(mode, name)) continue;
    compression.mode = value;
    return true;
  }
  return false;
}

bool set_compression_option(connection::Compression& compression, std::string_view option) {
  const auto equals = option.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = option.substr(0, equals);
  const std::string_view value = option.substr(equals + 1);
  if (name == "level") return assign(compression.effort.level, parse_number(value, 1, 9));
  if (name == "mem") return assign(compression.effort.memory_level, parse_number(value, 1, 9));
  if (name == "window") {
    return assign(
        compression.settings.window_bits,
        parse_number(value, protocol::min_deflate_window_bits, protocol::max_window_bits));
  }
  if (name == "min-size") return assign(compression.min_size_bytes, parse_size(value));
  if (name == "context-takeover")
    return assign(compression.settings.context_takeover, parse_switch(value));
  return false;
}

const char* set_compression(cmd_parms* command, void* config, int count, char* const arguments[]) {
  connection::Compression compression;
  for (int i = 0; i < count; ++i) {
    const bool good = i == 0 ? set_compression_mode(compression, arguments[i])
                             : set_compression_option(compression, arguments[i]);
    if (good) continue;
    return apr_psprintf(command->pool,
                        "WebSocketCompression takes on, off or pass, then level=1..9, "
                        "window=9..15, mem=1..9, min-size=SIZE and "
                        "context-takeover=on|off; not \"%s\"",
                        arguments[i]);
  }
  if (count == 0) return "WebSocketCompression takes on, off or pass";
  location(config).compression = compression;
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

/// httpd's type for every kind of directive; it calls what this was cast from.
template <class Function>
cmd_func as_cmd_func(Function* function) {
  return reinterpret_cast<cmd_func>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

constexpr int anywhere = RSRC_CONF | ACCESS_CONF;

const command_rec directives[] = {
    {"WebSocketHandler", as_cmd_func(set_handler), nullptr, ACCESS_CONF, TAKE1,
     "The handler that serves WebSocket sessions here, by the name its module gave it, or none."},
    {"WebSocketOrigin", as_cmd_func(add_origin), nullptr, anywhere, ITERATE,
     "Web pages that may open sessions: same, any, or patterns like https://*.example.com:8443."},
    {"WebSocketSubprotocol", as_cmd_func(add_subprotocol), nullptr, anywhere, ITERATE,
     "The subprotocols a handler speaks, the preferred one first."},
    {"WebSocketMaxMessageSize", as_cmd_func(set_size<&LocationConfig::max_message_bytes>), nullptr,
     anywhere, TAKE1,
     "The largest message a handler takes, fragments joined; 0 for no limit. Beyond it: close "
     "1009."},
    {"WebSocketMaxFrameSize", as_cmd_func(set_size<&LocationConfig::max_frame_bytes>), nullptr,
     anywhere, TAKE1,
     "The largest data frame taken from either side; 0 for no limit. Beyond it: close 1009."},
    {"WebSocketCloseTimeout", as_cmd_func(set_time<&LocationConfig::close_timeout>), nullptr,
     anywhere, TAKE1, "How long a peer has from our Close frame to the end of its connection."},
    {"WebSocketWriteTimeout", as_cmd_func(set_time<&LocationConfig::write_timeout>), nullptr,
     anywhere, TAKE1, "How long a peer may take nothing while data waits for it."},
    {"WebSocketCompression", as_cmd_func(set_compression), nullptr, anywhere, TAKE_ARGV,
     "permessage-deflate: on, off or pass, then level=, window=, mem=, min-size= and "
     "context-takeover=."},
    {"WebSocketCompressionMemory", as_cmd_func(set_compression_memory), nullptr, RSRC_CONF, TAKE1,
     "Memory of all children for sessions that keep a compression context; beyond it they get "
     "none."},
    {"WebSocketEngineThreads", as_cmd_func(set_engine_threads), nullptr, RSRC_CONF, TAKE1,
     "Event loops in each child process."},
    {nullptr, {}, nullptr, 0, RAW_ARGS, nullptr},
};

}  // namespace mod_ws::httpd
