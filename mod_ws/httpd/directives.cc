#include "mod_ws/httpd/directives.h"

#include <limits>

#include "mod_ws/httpd/auth_subprotocol.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/directive_settings.h"
#include "mod_ws/httpd/directive_values.h"
#include "mod_ws/httpd/handler_directives.h"
#include "mod_ws/httpd/server_directives.h"
#include "mod_ws/httpd/session_log.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::httpd {
namespace {

constexpr int max_connection_limit = 1'000'000;

LocationConfig& location(void* config) { return *static_cast<LocationConfig*>(config); }

/// The one of a relay's two sides that `leg` names; both without one, and nothing for anything
/// else.
template <class T>
bool set_leg(PerLeg<T>& setting, T value, const char* leg) {
  const bool is_client = leg == nullptr || protocol::equals_ignoring_case(leg, "client");
  const bool is_backend = leg == nullptr || protocol::equals_ignoring_case(leg, "backend");
  if (is_client) setting.client = value;
  if (is_backend) setting.backend = value;
  return is_client || is_backend;
}

template <auto member>
const char* set_limit(cmd_parms* command, void* config, const char* argument, const char* leg) {
  const auto size = is_off(argument) ? 0 : parse_size(argument);
  if (size && set_leg(location(config).*member, *size, leg)) return nullptr;
  return apr_psprintf(
      command->pool,
      "%s takes a size in bytes, with K, M or G behind it, or off for no limit, and "
      "then client or backend where it is for one side only; not \"%s\"",
      command->cmd->name, size ? leg : argument);
}

const char* set_max_fragments(cmd_parms* command, void* config, const char* argument,
                              const char* leg) {
  const auto number =
      is_off(argument) ? 0 : parse_number(argument, 0, std::numeric_limits<int>::max());
  if (number && set_leg(location(config).max_fragments, static_cast<std::uint32_t>(*number), leg)) {
    return nullptr;
  }
  return apr_psprintf(
      command->pool,
      "WebSocketMaxFragments takes a number, or off for no limit, and then client or "
      "backend where it is for one side only; not \"%s\"",
      number ? leg : argument);
}

template <auto member>
const char* set_max_connections(cmd_parms* command, void* config, const char* argument) {
  const auto number = is_off(argument) ? 0 : parse_number(argument, 0, max_connection_limit);
  if (!number) {
    return apr_psprintf(command->pool, "%s takes a number from 1 to %d, or off; not \"%s\"",
                        command->cmd->name, max_connection_limit, argument);
  }
  location(config).*member = make_session_limit(command, static_cast<std::uint32_t>(*number));
  return nullptr;
}

template <auto member>
const char* set_time(cmd_parms* command, void* config, const char* argument) {
  return take_time(command, location(config).*member, argument);
}

template <auto member>
const char* set_time_or_off(cmd_parms* command, void* config, const char* argument) {
  return take_time_or_off(command, location(config).*member, argument);
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
  if (is_off(name)) {
    location(config).subprotocols = pool_new<std::vector<std::string>>(command->pool);
    return nullptr;
  }
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

const char* set_auth_subprotocol(cmd_parms* command, void* config, const char* prefix) {
  if (is_off(prefix)) {
    location(config).auth_subprotocol = "";
    return nullptr;
  }
  if (!protocol::is_token(prefix)) {
    return apr_pstrcat(command->pool,
                       "WebSocketAuthSubprotocol takes a prefix of letters, digits and "
                       "!#$%&'*+-.^_`|~, or none; not \"",
                       prefix, "\"", nullptr);
  }
  location(config).auth_subprotocol = prefix;
  note_auth_subprotocol(prefix);
  return nullptr;
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

bool set_compression_leg(connection::Compression& compression, std::string_view leg) {
  using Leg = connection::Compression::Leg;
  for (const auto& [name, value] :
       {std::pair{"client", Leg::client}, {"backend", Leg::backend}, {"both", Leg::both}}) {
    if (!protocol::equals_ignoring_case(leg, name)) continue;
    compression.leg = value;
    return true;
  }
  return false;
}

bool set_compression_option(connection::Compression& compression, std::string_view option) {
  const auto assignment = parse_assignment(option);
  if (!assignment) return false;
  const auto [name, value] = *assignment;
  if (name == "leg") return set_compression_leg(compression, value);
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
                        "window=9..15, mem=1..9, min-size=SIZE, context-takeover=on|off and "
                        "leg=client|backend|both; not \"%s\"",
                        arguments[i]);
  }
  if (count == 0) return "WebSocketCompression takes on, off or pass";
  location(config).compression = compression;
  return nullptr;
}

bool set_rate_option(connection::RateLimit& limit, std::string_view option) {
  using Action = connection::RateLimit::Action;
  if (protocol::equals_ignoring_case(option, "delay")) {
    limit.action = Action::delay;
    return true;
  }
  if (protocol::equals_ignoring_case(option, "close")) {
    limit.action = Action::close;
    return true;
  }
  const auto assignment = parse_assignment(option);
  if (!assignment) return false;
  const auto [name, value] = *assignment;
  if (name == "messages") return assign(limit.messages_per_second, parse_rate(value));
  if (name == "bytes") return assign(limit.bytes_per_second, parse_rate(value));
  // A time's parser wants the end of the text where the value ends, which it does.
  if (name == "burst") return assign(limit.burst, parse_time(value.data()));
  return false;
}

const char* set_rate_limit(cmd_parms* command, void* config, int count, char* const arguments[]) {
  connection::RateLimit limit;
  const bool has_no_limit = count == 1 && is_off(arguments[0]);
  for (int i = 0; i < count && !has_no_limit; ++i) {
    if (set_rate_option(limit, arguments[i])) continue;
    return apr_psprintf(command->pool,
                        "WebSocketRateLimit takes messages=N/s, bytes=SIZE/s, burst=TIME and delay "
                        "or close, or off alone; not \"%s\"",
                        arguments[i]);
  }
  if (!limit.is_set() && !has_no_limit)
    return "WebSocketRateLimit takes messages=N/s or bytes=SIZE/s or both, or off alone";
  location(config).rate_limit = limit;
  return nullptr;
}

const char* set_send_queue(cmd_parms* command, void* config, const char* size, const char* action) {
  using Action = connection::SendQueue::Action;
  connection::SendQueue queue{.action = Action::close, .limit_bytes = 0};
  const bool waits = is_off(size) && action == nullptr;
  const bool has_size =
      waits || (assign(queue.limit_bytes, parse_size(size)) && queue.limit_bytes > 0);
  if (waits) queue.action = Action::wait;
  if (action != nullptr && protocol::equals_ignoring_case(action, "drop"))
    queue.action = Action::drop;
  const bool knows_action = action == nullptr || queue.action == Action::drop ||
                            protocol::equals_ignoring_case(action, "close");
  if (!has_size || !knows_action) {
    return apr_psprintf(command->pool,
                        "WebSocketSendQueue takes a size above 0, with K, M or G behind it, and "
                        "then close or drop, or off alone; not \"%s\"",
                        has_size ? action : size);
  }
  location(config).send_queue = queue;
  return nullptr;
}

const char* set_validate(cmd_parms* command, void* config, const char* argument) {
  const bool messages = protocol::equals_ignoring_case(argument, "messages");
  if (!messages && !protocol::equals_ignoring_case(argument, "frames")) {
    return apr_psprintf(command->pool, "WebSocketValidate takes frames or messages; not \"%s\"",
                        argument);
  }
  location(config).validates_messages = messages;
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
    {"WebSocketHandlerOption", as_cmd_func(set_handler_option), nullptr, anywhere, TAKE2,
     "A setting of the handler's own: its name and its value."},
    {"WebSocketOrigin", as_cmd_func(add_origin), nullptr, anywhere, ITERATE,
     "Web pages that may open sessions: same, any, or patterns like https://*.example.com:8443."},
    {"WebSocketSubprotocol", as_cmd_func(add_subprotocol), nullptr, anywhere, ITERATE,
     "The subprotocols a handler speaks, the preferred one first."},
    {"WebSocketAuthSubprotocol", as_cmd_func(set_auth_subprotocol), nullptr, anywhere, TAKE1,
     "The prefix of an offered subprotocol that is a token in base64url, which becomes "
     "Authorization: Bearer, or none."},
    {"WebSocketMaxMessageSize", as_cmd_func(set_limit<&LocationConfig::max_message_bytes>), nullptr,
     anywhere, TAKE12,
     "The largest message, fragments joined; off for no limit; then client or backend for one side "
     "only. Beyond it: close 1009."},
    {"WebSocketMaxFrameSize", as_cmd_func(set_limit<&LocationConfig::max_frame_bytes>), nullptr,
     anywhere, TAKE12,
     "The largest data frame; off for no limit; then client or backend for one side only. Beyond "
     "it: "
     "close 1009."},
    {"WebSocketMaxFragments", as_cmd_func(set_max_fragments), nullptr, anywhere, TAKE12,
     "In how many frames a message may come; off for no limit; then client or backend for one side "
     "only. Beyond it: close 1009."},
    {"WebSocketMaxConnections", as_cmd_func(set_max_connections<&LocationConfig::max_connections>),
     nullptr, anywhere, TAKE1,
     "How many sessions there may be here, in all children; off undoes those of sections around. "
     "Beyond it: 503."},
    {"WebSocketMaxConnectionsPerClient",
     as_cmd_func(set_max_connections<&LocationConfig::max_connections_per_client>), nullptr,
     anywhere, TAKE1,
     "The same for each client's address, or IPv6 network of 64 bits. Beyond it: 429."},
    {"WebSocketValidate", as_cmd_func(set_validate), nullptr, anywhere, TAKE1,
     "What is checked: frames, or messages too (text for UTF-8, the size as inflated)."},
    {"WebSocketRateLimit", as_cmd_func(set_rate_limit), nullptr, anywhere, TAKE_ARGV,
     "How fast a client may send: messages=N/s, bytes=SIZE/s, burst=TIME; beyond it delay or close "
     "1008."},
    {"WebSocketSendQueue", as_cmd_func(set_send_queue), nullptr, anywhere, TAKE12,
     "How much may wait for a relay's slow side; beyond it close 1008, or drop messages. off: the "
     "other side waits."},
    {"WebSocketWriteBufferSize", as_cmd_func(set_write_buffer), nullptr, anywhere, TAKE1,
     "How much may wait for a handler's client before the handler's writes wait."},
    {"WebSocketReadBufferSize", as_cmd_func(set_read_buffer), nullptr, RSRC_CONF, TAKE1,
     "How much is read from a connection at once; each event loop has one such buffer."},
    {"WebSocketHandshakeTimeout", as_cmd_func(set_time<&LocationConfig::handshake_timeout>),
     nullptr, anywhere, TAKE1, "How long a backend may take to answer the opening handshake."},
    {"WebSocketPingInterval", as_cmd_func(set_time_or_off<&LocationConfig::ping_interval>), nullptr,
     anywhere, TAKE1, "How long a peer may be silent before it is pinged, or off."},
    {"WebSocketPongTimeout", as_cmd_func(set_time<&LocationConfig::pong_timeout>), nullptr,
     anywhere, TAKE1, "How long a peer that was pinged may stay silent before it is given up."},
    {"WebSocketIdleTimeout", as_cmd_func(set_time_or_off<&LocationConfig::idle_timeout>), nullptr,
     anywhere, TAKE1,
     "How long a session may be without a message in either direction, or off: close 1001."},
    {"WebSocketMaxLifetime", as_cmd_func(set_time_or_off<&LocationConfig::max_lifetime>), nullptr,
     anywhere, TAKE1, "How old a session may become, or off: close 1001."},
    {"WebSocketCloseTimeout", as_cmd_func(set_time<&LocationConfig::close_timeout>), nullptr,
     anywhere, TAKE1, "How long a peer has from our Close frame to the end of its connection."},
    {"WebSocketWriteTimeout", as_cmd_func(set_time<&LocationConfig::write_timeout>), nullptr,
     anywhere, TAKE1, "How long a peer may take nothing while data waits for it."},
    {"WebSocketCompression", as_cmd_func(set_compression), nullptr, anywhere, TAKE_ARGV,
     "permessage-deflate: on, off or pass, then level=, window=, mem=, min-size=, "
     "context-takeover= and leg=."},
    {"WebSocketCompressionMemory", as_cmd_func(set_compression_memory), nullptr, RSRC_CONF, TAKE1,
     "Memory of all children for sessions that keep a compression context; beyond it they get "
     "none."},
    {"WebSocketEngineThreads", as_cmd_func(set_engine_threads), nullptr, RSRC_CONF, TAKE1,
     "Event loops in each child process."},
    {"WebSocketMaxBridged", as_cmd_func(set_max_bridged), nullptr, RSRC_CONF, TAKE1,
     "How many sessions of each child may hold a thread: those over HTTP/2, and on connections "
     "with filters that change bytes. Beyond it: 503."},
    {"WebSocketBlockedLoopWarning", as_cmd_func(set_blocked_loop_warning), nullptr, RSRC_CONF,
     TAKE1, "How long a handler may keep its event loop before the log names it, or off."},
    {"WebSocketDrain", as_cmd_func(set_drain), nullptr, RSRC_CONF, TAKE_ARGV,
     "How long sessions outlive a graceful restart, or off; then code=1001|1012 and jitter=, the "
     "time over which they are closed."},
    {"WebSocketLog", as_cmd_func(set_session_log), nullptr, RSRC_CONF, TAKE12,
     "A file or a |program that gets a line for each session that has ended, then the line's "
     "format; or off."},
    {nullptr, {}, nullptr, 0, RAW_ARGS, nullptr},
};

}  // namespace mod_ws::httpd
