#include "mod_ws/httpd/proxy_scheme.h"

#include <algorithm>
#include <array>

#include "mod_ws/httpd/backend_handshake.h"
#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/bridge.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/log.h"
#include "mod_ws/httpd/relay_compression.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/series.h"
#include "mod_ws/httpd/session_record.h"
#include "mod_ws/httpd/takeover.h"
#include "mod_ws/protocol/header_list.h"
#include "mod_ws/protocol/opening_handshake.h"
#include "mod_ws/proxy/relay.h"
#include "mod_ws/transport/accept_key.h"

namespace mod_ws::httpd {
namespace {

constexpr KindDefaults relay_defaults{.max_message_bytes = 0,
                                      .validates_messages = false,
                                      .compression = connection::Compression::Mode::pass,
                                      .send_queue = {}};

// As websockify has them.
constexpr const char* base64_subprotocol = "base64";

constexpr const char* proxy_function = "WS";  // for mod_proxy's log lines

struct Scheme {
  const char* name;
  bool is_websocket;  // whatever the worker's upgrade= says
  bool is_tls;
  apr_port_t default_port;      // 0: none
  bool is_byte_stream = false;  // there is no handshake
};

constexpr std::array<Scheme, 5> schemes{{{"ws", true, false, 80},
                                         {"wss", true, true, 443},
                                         {"http", false, false, 80},
                                         {"https", false, true, 443},
                                         {"tcp", true, false, 0, true}}};

/// Nothing for a URL that is not ours.
const Scheme* scheme_of(std::string_view url) {
  const std::string_view name = url.substr(0, url.find(':'));
  const auto* const found = std::find_if(schemes.begin(), schemes.end(), [&](const Scheme& scheme) {
    return protocol::equals_ignoring_case(name, scheme.name);
  });
  return found != schemes.end() ? found : nullptr;
}

bool is_for_relay(request_rec* r, const Scheme& scheme, proxy_worker* worker) {
  if (!asks_for_websocket(r)) return false;
  return scheme.is_websocket ||
         ap_proxy_worker_can_upgrade(r->pool, worker, "websocket", nullptr) != 0;
}

/// Gives mod_proxy's connection back at the end of the hook, whatever came of it. A connection that
/// was taken is closed then without a word, and so is one that carried an answer of any kind.
class BackendConnection {
 public:
  explicit BackendConnection(server_rec* server) : server_(server) {}
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;
  ~BackendConnection() {
    if (backend_ == nullptr) return;
    backend_->close = 1;
    ap_proxy_release_connection(proxy_function, backend_, server_);
  }

  proxy_conn_rec*& get() { return backend_; }

 private:
  server_rec* server_;
  proxy_conn_rec* backend_ = nullptr;
};

constexpr std::chrono::microseconds shortest_wait{1000};  // less than nothing would be for ever

/// The request's server, with what is left of the handshake's time as its Timeout: that is how long
/// mod_proxy waits for a connection where neither the worker nor ProxyTimeout says anything.
server_rec* server_with_time_left(const BackendRequest& request) {
  auto* const server = static_cast<server_rec*>(
      apr_pmemdup(request.r->pool, request.r->server, sizeof *request.r->server));
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
      request.deadline - std::chrono::steady_clock::now());
  server->timeout = std::max(left, shortest_wait).count();
  return server;
}

/// Everything mod_proxy does to get a connection: address, connect with its timeouts, TLS.
int connect_backend(BackendRequest& request, const Scheme& scheme, const char* proxy_name,
                    apr_port_t proxy_port) {
  request_rec* const r = request.r;
  proxy_conn_rec* const backend = request.backend;
  backend->is_ssl = scheme.is_tls ? 1 : 0;
  // Not one that mod_proxy_http has kept for pages: the backend may just be ending it, and the
  // session would take it away for good anyway.
  backend->close = 1;
  int status = ap_proxy_determine_connection(r->pool, r, request.conf, request.worker, backend,
                                             request.uri, &request.url, proxy_name, proxy_port,
                                             request.server_port_text, 32);
  if (status != OK) return status;
  request_state(r).backend = backend_name(request);
  request_state(r).has_backend_of_own = has_named_worker(request);
  if (backend->uds_path == nullptr && backend->port == 0) {
    log_backend_trouble(request, 0, "its URL needs a port");
    return HTTP_INTERNAL_SERVER_ERROR;
  }
  request_state(r).handover->free_descriptor();
  if (ap_proxy_connect_backend(proxy_function, backend, request.worker,
                               server_with_time_left(request)) != OK) {
    log_backend_trouble(request, 0, "no connection (mod_proxy has logged the cause)");
    return HTTP_SERVICE_UNAVAILABLE;
  }
  return ap_proxy_connection_create_ex(proxy_function, backend, r);
}

/// The worker's own timeout= holds where WebSocketHandshakeTimeout is not set.
std::chrono::microseconds handshake_time(const LocationConfig& location,
                                         const proxy_worker* worker) {
  if (location.handshake_timeout) return *location.handshake_timeout;
  if (worker->s->timeout_set != 0) return std::chrono::microseconds(worker->s->timeout);
  return default_handshake_timeout;
}

std::optional<std::string> check_backend_response(const request_rec* r,
                                                  const BackendResponse& response) {
  const std::string accept = transport::accept_key(header_in(r, "Sec-WebSocket-Key"));
  return protocol::check_response({.status = response.status,
                                   .upgrade = response.header("Upgrade"),
                                   .connection = response.header("Connection"),
                                   .accept = response.header("Sec-WebSocket-Accept"),
                                   .subprotocol = response.header("Sec-WebSocket-Protocol"),
                                   .extensions = response.header("Sec-WebSocket-Extensions")},
                                  {.accept = accept,
                                   .subprotocols = header_in(r, "Sec-WebSocket-Protocol"),
                                   .extensions = header_in(r, "Sec-WebSocket-Extensions")});
}

/// What the two sides agreed on.
struct Agreed {
  std::string_view subprotocol = {};
  std::string extensions = {};
  proxy::RelayTerms terms;
};

proxy::RelayTerms relay_terms(const BackendRequest& request, const connection::Policy& policy) {
  return {.policy = policy,
          .worker = backend_name(request),
          .client = client_address(request.r),
          .uri = request.r->uri,
          .already_read_client = {},
          .already_read_backend = {}};
}

/// Answers the client, and makes the two connections one session.
int hand_over(const BackendRequest& request, Agreed agreed) {
  request_rec* const r = request.r;
  const apr_time_t started = apr_time_now();
  const auto handover = std::move(request_state(r).handover);
  engine::EventLoop& loop = handover->loop();
  if (!handover->prepare(request.backend->connection)) {
    request_state(r).bridge.reset();
    return refuse_for_scarcity(r, errno);
  }
  if (!send_switching_protocols(
          r, {.subprotocol = agreed.subprotocol, .extensions = agreed.extensions})) {
    return OK;
  }
  agreed.terms.tally = &tally_of(loop, series_of(r));
  agreed.terms.record = make_relay_record(r, agreed.subprotocol, request.worker);
  // std::function wants what it carries to be copyable.
  auto terms = std::make_shared<proxy::RelayTerms>(std::move(agreed.terms));
  request_state(r).is_handed_over = true;
  handover->commit([&loop, started, terms](std::vector<TakenConnection> taken) {
    base::log({terms->policy.log_server, terms->client, terms->uri}, base::LogLevel::debug,
              "relayed to " + terms->worker + ", the worker thread is free " +
                  std::to_string(apr_time_now() - started) + " us after the backend's answer");
    terms->already_read_client = std::move(taken[0].already_read);
    terms->already_read_backend = std::move(taken[1].already_read);
    loop.post_adoption(std::make_unique<proxy::Relay>(
        loop, std::move(taken[0].transport), std::move(taken[1].transport), std::move(*terms)));
  });
  return OK;
}

/// The backend speaks WebSocket: its handshake comes first.
int relay_frames(BackendRequest& request, const connection::Policy& policy) {
  request_rec* const r = request.r;
  RelayCompression compression(r, policy);
  int status = send_backend_handshake(request);
  if (status != OK) return status;
  BackendResponse response{};
  status = read_backend_response(request, response);
  if (status != OK) return status;
  if (response.status != HTTP_SWITCHING_PROTOCOLS) return pass_response(request, response);
  auto complaint = check_backend_response(r, response);
  if (!complaint)
    complaint = compression.receive_answer(response.header("Sec-WebSocket-Extensions"));
  if (complaint) {
    log_backend_trouble(request, 0, complaint->c_str());
    return HTTP_BAD_GATEWAY;
  }
  copy_response_headers(request, response);
  Agreed agreed{.subprotocol = response.header("Sec-WebSocket-Protocol"),
                .extensions = compression.answer(),
                .terms = relay_terms(request, policy)};
  agreed.terms.allowed_rsv = compression.allowed_rsv();
  agreed.terms.passed_compression = compression.take_passed();
  agreed.terms.client_compression = compression.take_client();
  agreed.terms.backend_compression = compression.take_backend();
  return hand_over(request, std::move(agreed));
}

/// The backend speaks a protocol of its own, which the client speaks too, in messages.
int relay_bytes(BackendRequest& request, const connection::Policy& policy) {
  static const std::vector<std::string> usual{"binary", base64_subprotocol};
  const auto* const configured = location_config(request.r).subprotocols;
  const auto& subprotocols = configured != nullptr ? *configured : usual;
  Agreed agreed{.subprotocol = protocol::choose_subprotocol(
                    header_in(request.r, "Sec-WebSocket-Protocol"), subprotocols),
                .terms = relay_terms(request, policy)};
  agreed.terms.backend_is_byte_stream = true;
  agreed.terms.client_speaks_base64 = agreed.subprotocol == base64_subprotocol;
  if (policy.compression.mode == connection::Compression::Mode::on) {
    agreed.terms.client_compression = negotiate_compression(request.r, policy.compression);
    if (const auto& compression = agreed.terms.client_compression)
      agreed.extensions = protocol::serialize_deflate_answer(compression->agreed);
  }
  return hand_over(request, std::move(agreed));
}

int relay(BackendRequest& request, const Scheme& scheme, const char* proxy_name,
          apr_port_t proxy_port) {
  request_rec* const r = request.r;
  BackendConnection connection(r->server);
  int status =
      ap_proxy_acquire_connection(proxy_function, &connection.get(), request.worker, r->server);
  if (status != OK) return status;
  request.backend = connection.get();
  request.time_for_answer = handshake_time(location_config(r), request.worker);
  request.set_deadline();
  status = connect_backend(request, scheme, proxy_name, proxy_port);
  if (status != OK) return status;
  if (const char* const obstacle = takeover_obstacle(request.backend->connection)) {
    const std::string trouble = std::string("its connection cannot become a session: ") + obstacle;
    log_backend_trouble(request, 0, trouble.c_str());
    return HTTP_BAD_GATEWAY;
  }
  const connection::Policy& policy = policy_of(r->server, location_config(r), relay_defaults);
  return scheme.is_byte_stream ? relay_bytes(request, policy) : relay_frames(request, policy);
}

/// What a session is going to need. Before a connection is made, and so before a balancer's member
/// could be blamed for it.
int reserve_relay(request_rec* r) {
  auto& handover = request_state(r).handover;
  if (!handover) {
    auto made = std::make_shared<Handover>(child_engine().least_loaded());
    if (const int refusal = prepare_client(r, *made); refusal != OK) return refusal;
    handover = std::move(made);
  }
  return handover->reserve_descriptors() ? OK : refuse_for_scarcity(r, errno);
}

/// mod_proxy_balancer takes a 503 of the scheme's for the chosen member's failure, and uses it no
/// more for a while: what is ours to refuse is refused before it chooses.
int reserve_before_balancing(request_rec* r) {
  if (!is_proxied(r, "balancer:") || !asks_for_websocket(r)) return DECLINED;
  const int status = fenced(r, [r] { return reserve_relay(r); });
  return status == OK ? DECLINED : status;
}

/// A backend that speaks WebSocket sees the Origin, and may decide; one of bytes cannot.
int check_handshake(request_rec* r, const Scheme& scheme) {
  const auto usual = scheme.is_byte_stream ? UsualOrigins::same : UsualOrigins::any;
  const int refusal = check_client_handshake(r, origin_rules(location_config(r), usual));
  return refusal != OK ? refusal : check_forwarded_headers(r);
}

int handle_scheme(request_rec* r, proxy_worker* worker, proxy_server_conf* conf, char* url,
                  const char* proxy_name, apr_port_t proxy_port) {
  const Scheme* const scheme = scheme_of(url);
  if (scheme == nullptr || !is_for_relay(r, *scheme, worker)) return DECLINED;
  return fenced(r, [&] {
    // Before a connection is in use, so that the client's mistakes cost the backend nothing; and
    // before others may serve it.
    if (const int refusal = check_handshake(r, *scheme); refusal != OK) return refusal;
    if (const int refusal = reserve_relay(r); refusal != OK) return refusal;
    char server_port_text[32] = "";
    BackendRequest request{.r = r,
                           .worker = worker,
                           .conf = conf,
                           .backend = nullptr,
                           .uri = static_cast<apr_uri_t*>(apr_palloc(r->pool, sizeof(apr_uri_t))),
                           .url = url,
                           .server_port_text = server_port_text,
                           .time_for_answer = {},
                           .deadline = {}};
    const int status = relay(request, *scheme, proxy_name, proxy_port);
    child_has_begun_what_ends();
    run_bridge(r);
    return status;
  });
}

/// Where mod_proxy_http can serve a ws:// URL as http, mod_proxy's mapping holds for ordinary
/// requests too. Without it nobody could serve them: they are left to the rest of the
/// configuration, so that one path can have a page and a socket.
int check_mapping(request_rec* r, const char* url) {
  const Scheme* const scheme = scheme_of(url);
  if (scheme == nullptr || !scheme->is_websocket || asks_for_websocket(r)) return DECLINED;
  if (scheme->is_byte_stream) return HTTP_UPGRADE_REQUIRED;
  return ap_find_linked_module("mod_proxy_http.c") != nullptr ? DECLINED : HTTP_UPGRADE_REQUIRED;
}

bool has_unencoded_bytes(const char* text) {
  return text != nullptr && *ap_scan_vchar_obstext(text) != '\0';
}

/// The path as it is asked for: percent-encoded, unless mod_proxy has been told to leave it alone.
/// Null when it cannot be.
const char* canonical_path(request_rec* r, const char* path) {
  if (apr_table_get(r->notes, "proxy-nocanon") != nullptr ||
      apr_table_get(r->notes, "proxy-noencode") != nullptr) {
    return path;
  }
  const auto* const core =
      static_cast<core_dir_config*>(ap_get_core_module_config(r->per_dir_config));
  const bool keep_slashes = core->allow_encoded_slashes && !core->decode_encoded_slashes;
  return ap_proxy_canonenc_ex(r->pool, path, static_cast<int>(std::string_view(path).size()),
                              enc_path, keep_slashes ? PROXY_CANONENC_NOENCODEDSLASHENCODING : 0,
                              r->proxyreq);
}

/// mod_proxy asks for a URL's canonical form first; a scheme for which nobody has one never reaches
/// a balancer's members, and its path would go to the backend as it is.
int canonicalize(request_rec* r, char* url) {
  const Scheme* const scheme = scheme_of(url);
  if (scheme == nullptr) return DECLINED;
  apr_port_t port = scheme->default_port;
  char* host = nullptr;
  url += std::string_view(scheme->name).size() + 1;
  if (ap_proxy_canon_netloc(r->pool, &url, nullptr, nullptr, &host, &port) != nullptr)
    return HTTP_BAD_REQUEST;

  const char* const path = canonical_path(r, url);
  if (path == nullptr) return HTTP_BAD_REQUEST;
  // With nocanon the query is part of the raw path.
  const char* const query = apr_table_get(r->notes, "proxy-nocanon") != nullptr ? nullptr : r->args;
  // Spaces and line ends would let the client write request lines and headers of its own.
  if (has_unencoded_bytes(path) || has_unencoded_bytes(query)) return HTTP_FORBIDDEN;

  const bool is_ipv6 = std::string_view(host).find(':') != std::string_view::npos;
  const char* const port_text =
      port == scheme->default_port ? "" : apr_psprintf(r->pool, ":%u", port);
  r->filename = apr_pstrcat(r->pool, "proxy:", scheme->name, "://", is_ipv6 ? "[" : "", host,
                            is_ipv6 ? "]" : "", port_text, "/", path, query != nullptr ? "?" : "",
                            query != nullptr ? query : "", nullptr);
  return OK;
}

}  // namespace

void register_proxy_scheme() {
  proxy_hook_scheme_handler(handle_scheme, nullptr, nullptr, APR_HOOK_REALLY_FIRST);
  // Behind the limits of sessions, before mod_proxy.
  ap_hook_handler(reserve_before_balancing, nullptr, nullptr, APR_HOOK_FIRST - 1);
  // mod_proxy_http and mod_proxy_wstunnel know how, if they are there.
  proxy_hook_canon_handler(canonicalize, nullptr, nullptr, APR_HOOK_LAST);
  proxy_hook_check_trans(check_mapping, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace mod_ws::httpd
