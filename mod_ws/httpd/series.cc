#include "mod_ws/httpd/series.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/httpd_proxy.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/status_handler.h"

namespace mod_ws::httpd {
namespace {

constexpr const char* dynamic_backend = "(dynamic)";

/// Whether this ProxyPass or ProxyPassMatch line of the server maps the path.
bool maps(const proxy_alias& alias, const char* path) {
  if (alias.regex != nullptr) return ap_regexec(alias.regex, path, 0, nullptr, 0) == 0;
  std::string_view prefix = view_of(alias.fake);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  const std::string_view rest = path;
  return rest.starts_with(prefix) && (rest.size() == prefix.size() || rest[prefix.size()] == '/');
}

/// The path of the ProxyPass that a request came by: in its section, or of the server. Null when it
/// came another way.
const char* path_of_proxy_pass(const request_rec* r) {
  const auto* const directory =
      static_cast<proxy_dir_conf*>(ap_get_module_config(r->per_dir_config, &proxy_module));
  if (directory->alias_set != 0 && directory->alias != nullptr) return directory->alias->fake;
  const auto* const server = static_cast<proxy_server_conf*>(
      ap_get_module_config(r->server->module_config, &proxy_module));
  for (int i = 0; i < server->aliases->nelts; ++i) {
    const proxy_alias& alias = APR_ARRAY_IDX(server->aliases, i, proxy_alias);
    if (maps(alias, r->uri)) return alias.fake;
  }
  return nullptr;
}

const char* path_of_section(const request_rec* r) {
  return static_cast<core_dir_config*>(ap_get_core_module_config(r->per_dir_config))->d;
}

std::string_view location_of(const request_rec* r) {
  const LocationConfig& location = location_config(r);
  if (location.handler != nullptr) return view_of(location.handler_section);
  const char* const path = r->proxyreq != PROXYREQ_NONE ? path_of_proxy_pass(r) : nullptr;
  return view_of(path != nullptr ? path : path_of_section(r));
}

std::string backend_of(request_rec* r) {
  const LocationConfig& location = location_config(r);
  if (location.handler != nullptr) return std::string("handler:") + location.handler->name;
  if (is_for_status(r)) return std::string("handler:") + status_handler_name;
  const RequestState& state = request_state(r);
  // There may be as many as clients can think of.
  if (state.backend != nullptr && !state.has_backend_of_own) return dynamic_backend;
  return std::string(view_of(state.backend));
}

// ---- opening handshakes

/// Whether mod_ws has to do with the request, or would have if it had come so far.
bool is_ours(request_rec* r) {
  const LocationConfig& location = location_config(r);
  return (location.handler != nullptr && location.handler->run) || is_for_status(r) ||
         is_proxied(r);
}

/// Of the requests that internal redirects have made of one, the last that was an upgrade.
request_rec* upgrade_among(request_rec* r) {
  request_rec* found = nullptr;
  for (; r != nullptr; r = r->next) {
    if (asks_for_websocket(r) && is_ours(r)) found = r;
  }
  return found;
}

int count_upgrade(request_rec* first) {
  request_rec* const r = upgrade_among(first);
  if (r == nullptr) return DECLINED;
  fenced(r, [r] {
    const apr_time_t answered = request_state(r).answered;
    const apr_time_t end = answered != 0 ? answered : apr_time_now();
    // The time of day may have been set back meanwhile.
    const auto duration =
        std::chrono::microseconds(std::max<apr_interval_time_t>(0, end - r->request_time));
    board().count_upgrade(series_of(r), r->status, duration);
    return OK;
  });
  return DECLINED;  // others log it too
}

}  // namespace

void register_series() {
  ap_hook_log_transaction(count_upgrade, nullptr, nullptr, APR_HOOK_MIDDLE);
}

/// A series is there for good: what a process knows needs no look at what all share.
metrics::Board::SeriesNumber series_of(request_rec* r) {
  static std::mutex mutex;
  static std::map<metrics::Labels, metrics::Board::SeriesNumber> known;
  metrics::Labels labels = labels_of(r);
  const std::lock_guard lock(mutex);
  const auto found = known.find(labels);
  if (found != known.end()) return found->second;
  const auto number = board().series(labels);
  if (number != metrics::Board::others) known.emplace(std::move(labels), number);
  return number;
}

metrics::Labels labels_of(request_rec* r) {
  return {.server = std::string(view_of(r->server->server_hostname)),
          .location = std::string(location_of(r)),
          .backend = backend_of(r)};
}

}  // namespace mod_ws::httpd
