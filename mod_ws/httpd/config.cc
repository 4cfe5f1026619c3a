#include "mod_ws/httpd/config.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <type_traits>

#include "mod_ws/base/log.h"

namespace mod_ws::httpd {
namespace {

// Neither needs a destructor, so a merge in a request's pool needs no cleanup.
static_assert(std::is_trivially_destructible_v<ServerConfig>);
static_assert(std::is_trivially_destructible_v<LocationConfig>);

template <class T>
T* make(apr_pool_t* pool, const T& value = {}) {
  return new (apr_palloc(pool, sizeof(T))) T(value);
}

template <class T>
void override_with(T& outer, const T& inner) {
  if (inner) outer = inner;
}

template <class T>
void override_with(PerLeg<T>& outer, const PerLeg<T>& inner) {
  override_with(outer.client, inner.client);
  override_with(outer.backend, inner.backend);
}

/// An inner section adds to the options of an outer one, or changes them.
const connection::HandlerOptions* merge_options(apr_pool_t* pool,
                                                const connection::HandlerOptions* outer,
                                                const connection::HandlerOptions* inner) {
  if (outer == nullptr || inner == nullptr) return inner == nullptr ? outer : inner;
  auto* const merged = pool_new<connection::HandlerOptions>(pool, *outer);
  merged->insert(merged->end(), inner->begin(), inner->end());
  return merged;
}

/// Takes what a directive says; the default stays where none does.
template <class T>
void set(T& policy, const std::optional<T>& setting) {
  if (setting) policy = *setting;
}

/// The smaller of two limits, where 0 is none.
template <class T>
void limit_to(T& limit, T other) {
  if (other != 0 && (limit == 0 || other < limit)) limit = other;
}

void tighten(connection::Policy& policy, const ws::Upgrader& upgrader) {
  limit_to(policy.client_limits.max_message_bytes, upgrader.read_limit);
  limit_to(policy.write_buffer_bytes, upgrader.write_buffer_size);
  if (upgrader.compression == ws::Upgrader::Compression::off)
    policy.compression.mode = connection::Compression::Mode::off;
}

}  // namespace

void* create_server_config(apr_pool_t* pool, server_rec*) { return make<ServerConfig>(pool); }

void* merge_server_config(apr_pool_t* pool, void* outer, void* inner) {
  auto* const merged = make(pool, *static_cast<ServerConfig*>(outer));
  const auto& over = *static_cast<ServerConfig*>(inner);
  override_with(merged->engine_threads, over.engine_threads);
  override_with(merged->compression_memory_bytes, over.compression_memory_bytes);
  override_with(merged->read_buffer_bytes, over.read_buffer_bytes);
  override_with(merged->max_bridged, over.max_bridged);
  override_with(merged->blocked_loop_warning, over.blocked_loop_warning);
  override_with(merged->drain, over.drain);
  override_with(merged->session_log, over.session_log);
  return merged;
}

void* create_location_config(apr_pool_t* pool, char*) { return make<LocationConfig>(pool); }

void* merge_location_config(apr_pool_t* pool, void* outer, void* inner) {
  auto* const merged = make(pool, *static_cast<LocationConfig*>(outer));
  const auto& over = *static_cast<LocationConfig*>(inner);
  override_with(merged->handler, over.handler);
  override_with(merged->handler_section, over.handler_section);
  merged->handler_options = merge_options(pool, merged->handler_options, over.handler_options);
  override_with(merged->origin, over.origin);
  override_with(merged->subprotocols, over.subprotocols);
  override_with(merged->auth_subprotocol, over.auth_subprotocol);
  override_with(merged->max_message_bytes, over.max_message_bytes);
  override_with(merged->max_frame_bytes, over.max_frame_bytes);
  override_with(merged->max_fragments, over.max_fragments);
  merged->max_connections =
      merge_session_limits(pool, merged->max_connections, over.max_connections);
  merged->max_connections_per_client = merge_session_limits(
      pool, merged->max_connections_per_client, over.max_connections_per_client);
  override_with(merged->validates_messages, over.validates_messages);
  override_with(merged->rate_limit, over.rate_limit);
  override_with(merged->send_queue, over.send_queue);
  override_with(merged->write_buffer_bytes, over.write_buffer_bytes);
  override_with(merged->compression, over.compression);
  override_with(merged->handshake_timeout, over.handshake_timeout);
  override_with(merged->ping_interval, over.ping_interval);
  override_with(merged->pong_timeout, over.pong_timeout);
  override_with(merged->idle_timeout, over.idle_timeout);
  override_with(merged->max_lifetime, over.max_lifetime);
  override_with(merged->close_timeout, over.close_timeout);
  override_with(merged->write_timeout, over.write_timeout);
  return merged;
}

ServerConfig& server_config(const server_rec* server) {
  return *static_cast<ServerConfig*>(ap_get_module_config(server->module_config, &ws_module));
}

const LocationConfig& location_config(const request_rec* r) {
  return *static_cast<LocationConfig*>(ap_get_module_config(r->per_dir_config, &ws_module));
}

const connection::Policy& policy_of(const server_rec* server, const LocationConfig& location,
                                    const KindDefaults& defaults, const ws::Upgrader& upgrader) {
  connection::Policy policy;
  policy.log_server = server;
  policy.traces_frames = base::log_is_enabled(server, base::LogLevel::trace);
  policy.client_limits.max_message_bytes = defaults.max_message_bytes;
  policy.backend_limits.max_message_bytes = defaults.max_message_bytes;
  policy.validates_messages = defaults.validates_messages;
  policy.compression.mode = defaults.compression;
  policy.send_queue = defaults.send_queue;
  set(policy.client_limits.max_message_bytes, location.max_message_bytes.client);
  set(policy.client_limits.max_frame_bytes, location.max_frame_bytes.client);
  set(policy.client_limits.max_fragments, location.max_fragments.client);
  set(policy.backend_limits.max_message_bytes, location.max_message_bytes.backend);
  set(policy.backend_limits.max_frame_bytes, location.max_frame_bytes.backend);
  set(policy.backend_limits.max_fragments, location.max_fragments.backend);
  set(policy.validates_messages, location.validates_messages);
  set(policy.rate_limit, location.rate_limit);
  set(policy.send_queue, location.send_queue);
  // Who publishes does not wait: a handler's sessions always have a limit.
  if (policy.send_queue.action == connection::SendQueue::Action::wait)
    policy.send_queue = defaults.send_queue;
  if (location.handler != nullptr) policy.handler_name = location.handler->name;
  set(policy.write_buffer_bytes, location.write_buffer_bytes);
  set(policy.compression, location.compression);
  set(policy.ping_interval, location.ping_interval);
  set(policy.pong_timeout, location.pong_timeout);
  set(policy.idle_timeout, location.idle_timeout);
  set(policy.max_lifetime, location.max_lifetime);
  set(policy.close_timeout, location.close_timeout);
  set(policy.write_timeout, location.write_timeout);
  if (location.handler_options != nullptr) policy.handler_options = *location.handler_options;
  tighten(policy, upgrader);
  // As many as the configuration has different ones; sessions outlive the pools of their requests,
  // so these are the process's.
  static std::mutex mutex;
  static std::list<connection::Policy> policies;
  const std::lock_guard lock(mutex);
  const auto known = std::find(policies.begin(), policies.end(), policy);
  return known != policies.end() ? *known : policies.emplace_back(policy);
}

}  // namespace mod_ws::httpd
