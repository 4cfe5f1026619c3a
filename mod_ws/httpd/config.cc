#include "mod_ws/httpd/config.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <type_traits>

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

}  // namespace

void* create_server_config(apr_pool_t* pool, server_rec*) { return make<ServerConfig>(pool); }

void* merge_server_config(apr_pool_t* pool, void* outer, void* inner) {
  auto* const merged = make(pool, *static_cast<ServerConfig*>(outer));
  const auto& over = *static_cast<ServerConfig*>(inner);
  override_with(merged->engine_threads, over.engine_threads);
  override_with(merged->compression_memory_bytes, over.compression_memory_bytes);
  return merged;
}

void* create_location_config(apr_pool_t* pool, char*) { return make<LocationConfig>(pool); }

void* merge_location_config(apr_pool_t* pool, void* outer, void* inner) {
  auto* const merged = make(pool, *static_cast<LocationConfig*>(outer));
  const auto& over = *static_cast<LocationConfig*>(inner);
  override_with(merged->handler, over.handler);
  override_with(merged->origin, over.origin);
  override_with(merged->subprotocols, over.subprotocols);
  override_with(merged->max_message_bytes, over.max_message_bytes);
  override_with(merged->max_frame_bytes, over.max_frame_bytes);
  override_with(merged->compression, over.compression);
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

const connection::Policy& policy_of(const LocationConfig& location, const KindDefaults& defaults) {
  connection::Policy policy;
  policy.compression.mode = defaults.compression;
  policy.max_message_bytes = location.max_message_bytes.value_or(defaults.max_message_bytes);
  policy.max_frame_bytes = location.max_frame_bytes.value_or(policy.max_frame_bytes);
  policy.compression = location.compression.value_or(policy.compression);
  policy.close_timeout = location.close_timeout.value_or(policy.close_timeout);
  policy.write_timeout = location.write_timeout.value_or(policy.write_timeout);
  // As many as the configuration has different ones; sessions outlive the pools of their requests,
  // so these are the process's.
  static std::mutex mutex;
  static std::list<connection::Policy> policies;
  const std::lock_guard lock(mutex);
  const auto known = std::find(policies.begin(), policies.end(), policy);
  return known != policies.end() ? *known : policies.emplace_back(policy);
}

}  // namespace mod_ws::httpd
