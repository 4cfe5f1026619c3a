#include "mod_ws/httpd/session_limits.h"

#include <string>
#include <vector>

#include "mod_ws/base/client_network.h"
#include "mod_ws/base/rare_line.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/httpd_proxy.h"
#include "mod_ws/httpd/ledger.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/scarcity.h"

namespace mod_ws::httpd {
namespace {

using Share = base::SessionLedger::Share;

/// A directive of the two kinds of limits.
struct Kind {
  const char* directive;
  const SessionLimit* LocationConfig::*limits;
  bool is_per_client;
};

constexpr Kind per_client{"WebSocketMaxConnectionsPerClient",
                          &LocationConfig::max_connections_per_client, true};
constexpr Kind in_all{"WebSocketMaxConnections", &LocationConfig::max_connections, false};

/// A limit that holds for a request, and its share of the ledger.
struct Held {
  const Kind* kind;
  const SessionLimit* limit;
};

/// The same section has the same name in every generation, whatever the order and the lines of the
/// configuration's files.
std::string name_of_place(const SessionLimit& limit) {
  std::string name;
  if (limit.server->is_virtual != 0) {
    for (const auto* address = limit.server->addrs; address != nullptr; address = address->next) {
      name.append(address->virthost).append(":").append(std::to_string(address->host_port));
      name += ' ';
    }
    name += view_of(limit.server->server_hostname);
  }
  return name.append("\n").append(limit.section);
}

std::uint64_t key_of(const Held& held, const request_rec* r) {
  std::string text = std::string(held.kind->directive) + '\n' + name_of_place(*held.limit);
  if (held.kind->is_per_client) text += '\n' + base::client_network(r->useragent_ip);
  return session_ledger().hash(text);
}

/// Of several sections with one name the last one's number holds.
bool is_overridden(const SessionLimit& limit, const SessionLimit* innermost) {
  for (const auto* other = innermost; other != &limit; other = other->outer) {
    if (other->server == limit.server && view_of(other->section) == limit.section) return true;
  }
  return false;
}

void collect(const request_rec* r, const Kind& kind, std::vector<Held>& held,
             std::vector<Share>& shares) {
  const SessionLimit* const innermost = location_config(r).*kind.limits;
  for (const auto* limit = innermost; limit != nullptr && limit->max > 0; limit = limit->outer) {
    if (is_overridden(*limit, innermost)) continue;
    held.push_back({&kind, limit});
    shares.push_back({.key = key_of(held.back(), r), .limit = limit->max});
  }
}

/// For the log: where the limit stands.
std::string describe(const SessionLimit& limit) {
  if (*limit.section != '\0') return limit.section;
  if (limit.server->is_virtual == 0) return "the server";
  return "virtual host " + std::string(view_of(limit.server->server_hostname));
}

int refuse(request_rec* r, const Held& held) {
  const int status = held.kind->is_per_client ? HTTP_TOO_MANY_REQUESTS : HTTP_SERVICE_UNAVAILABLE;
  const std::string whose =
      held.kind->is_per_client ? std::string(" from client ") + r->useragent_ip : "";
  ask_to_retry(r);
  // That a section is full concerns everybody, and one line in a while says it.
  static base::RareLine line;
  const bool is_news = !held.kind->is_per_client && line.count() > 0;
  ap_log_rerror(APLOG_MARK, is_news ? APLOG_WARNING : APLOG_INFO, 0, r,
                "opening handshake refused with %d: %s has %u sessions%s (%s)", status,
                describe(*held.limit).c_str(), static_cast<unsigned>(held.limit->max),
                whose.c_str(), held.kind->directive);
  return status;
}

int limit_proxied(request_rec* r) {
  if (!is_proxied(r) || !asks_for_websocket(r)) return DECLINED;
  const int status = fenced(r, [r] { return take_place(r); });
  return status == OK ? DECLINED : status;
}

}  // namespace

const SessionLimit* make_session_limit(cmd_parms* command, std::uint32_t max) {
  std::string section;
  for (const auto* node = command->directive->parent; node != nullptr; node = node->parent) {
    if (ap_cstr_casecmp(node->directive, "<VirtualHost") == 0) break;
    if (!section.empty()) section.insert(0, " ");
    section.insert(0, node->args).insert(0, " ").insert(0, node->directive);
  }
  return new (apr_palloc(command->pool, sizeof(SessionLimit)))
      SessionLimit{command->server, pool_string(command->pool, section), max, nullptr};
}

const SessionLimit* merge_session_limits(apr_pool_t* pool, const SessionLimit* outer,
                                         const SessionLimit* inner) {
  if (inner == nullptr) return outer;
  if (outer == nullptr || inner->max == 0) return inner;
  return new (apr_palloc(pool, sizeof(SessionLimit))) SessionLimit{
      inner->server, inner->section, inner->max, merge_session_limits(pool, outer, inner->outer)};
}

int take_place(request_rec* r) {
  auto& place = request_state(r).place;
  if (place) return OK;
  std::vector<Held> held;
  std::vector<Share> shares;
  collect(r, per_client, held, shares);
  collect(r, in_all, held, shares);
  if (shares.empty()) return OK;
  auto answer = session_ledger().take(shares);
  if (answer.full) return refuse(r, held[*answer.full]);
  if (!answer.place) {
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "opening handshake refused with 503: no room to count a further session");
    return HTTP_SERVICE_UNAVAILABLE;
  }
  place = std::move(answer.place);
  return OK;
}

void register_session_limits() {
  ap_hook_handler(limit_proxied, nullptr, nullptr, APR_HOOK_REALLY_FIRST);
}

}  // namespace mod_ws::httpd
