#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/connection/policy.h"
#include "mod_ws/engine/drain.h"
#include "mod_ws/httpd/directive_settings.h"
#include "mod_ws/httpd/handlers.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/httpd/session_limits.h"
#include "mod_ws/httpd/session_log.h"
#include "mod_ws/protocol/origin.h"

namespace mod_ws::httpd {

/// Per server.
struct ServerConfig {
  std::optional<unsigned> engine_threads;
  std::optional<std::uint64_t> compression_memory_bytes;
  std::optional<std::size_t> read_buffer_bytes;
  std::optional<unsigned> max_bridged;  ///< In each child.
  TimeSetting blocked_loop_warning;
  std::optional<engine::DrainPlan> drain;  ///< Of what a keeper keeps.
  SessionLog* session_log = nullptr;       ///< One without a target undoes the server's.
};

/// A setting for each of a relay's two sides; a handler has only the client's.
template <class T>
struct PerLeg {
  std::optional<T> client;
  std::optional<T> backend;
};

/// Per Location or Directory. An empty field was not set there. What pointers point to was made
/// while the configuration was read, and lives as long: a merge at request time copies them only.
struct LocationConfig {
  const LoadedHandler* handler = nullptr;  ///< One without a function undoes an outer one.
  const char* handler_section = nullptr;   ///< The path of the section that has it.
  const connection::HandlerOptions* handler_options = nullptr;
  const protocol::OriginRules* origin = nullptr;
  const std::vector<std::string>* subprotocols = nullptr;
  const char* auth_subprotocol = nullptr;  ///< A prefix; empty undoes an outer one.
  PerLeg<std::uint64_t> max_message_bytes;
  PerLeg<std::uint64_t> max_frame_bytes;
  PerLeg<std::uint32_t> max_fragments;
  const SessionLimit* max_connections = nullptr;
  const SessionLimit* max_connections_per_client = nullptr;
  std::optional<bool> validates_messages;
  std::optional<connection::RateLimit> rate_limit;
  std::optional<connection::SendQueue> send_queue;
  std::optional<std::size_t> write_buffer_bytes;
  std::optional<connection::Compression> compression;
  TimeSetting handshake_timeout;
  TimeSetting ping_interval;
  TimeSetting pong_timeout;
  TimeSetting idle_timeout;
  TimeSetting max_lifetime;
  TimeSetting close_timeout;
  TimeSetting write_timeout;
};

/// `WebSocketHandshakeTimeout` where it is not set.
inline constexpr std::chrono::milliseconds default_handshake_timeout{10'000};

void* create_server_config(apr_pool_t* pool, server_rec* server);
void* merge_server_config(apr_pool_t* pool, void* outer, void* inner);
void* create_location_config(apr_pool_t* pool, char* path);
void* merge_location_config(apr_pool_t* pool, void* outer, void* inner);

ServerConfig& server_config(const server_rec* server);
const LocationConfig& location_config(const request_rec* r);

/// What holds where no directive says otherwise, and handlers and relays differ.
struct KindDefaults {
  std::uint64_t max_message_bytes;
  bool validates_messages;
  connection::Compression::Mode compression;
  connection::SendQueue send_queue;
};

/// A location's policy in a server, as tight as the handler wants it. The same settings give the
/// same object; it lives as long as the process. Any thread.
const connection::Policy& policy_of(const server_rec* server, const LocationConfig& location,
                                    const KindDefaults& defaults,
                                    const ws::Upgrader& upgrader = {});

}  // namespace mod_ws::httpd
