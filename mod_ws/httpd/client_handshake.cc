#include "mod_ws/httpd/client_handshake.h"

#include <array>

#include "mod_ws/httpd/request_state.h"
#include "mod_ws/protocol/header_list.h"
#include "mod_ws/protocol/opening_handshake.h"
#include "mod_ws/transport/accept_key.h"

namespace mod_ws::httpd {
namespace {

constexpr const char* header_rules_filter = "fixup_headers_out";  // mod_headers'

/// Set by the handshake itself, or about a body and a connection that a 101 does not have.
constexpr std::array<std::string_view, 11> excluded_headers{"Upgrade",
                                                            "Connection",
                                                            "Sec-WebSocket-Accept",
                                                            "Sec-WebSocket-Protocol",
                                                            "Sec-WebSocket-Extensions",
                                                            "Content-Length",
                                                            "Content-Type",
                                                            "Content-Encoding",
                                                            "Transfer-Encoding",
                                                            "Keep-Alive",
                                                            "Trailer"};

ap_filter_rec_t* end_of_header_rules = nullptr;

bool has_body(const request_rec* r) {
  if (r->connection->master != nullptr) return false;  // an HTTP/2 stream is the session itself
  const std::string_view length = header_in(r, "Content-Length");
  if (!length.empty() && length != "0") return true;
  return !header_in(r, "Transfer-Encoding").empty();
}

protocol::HandshakeRequest handshake_request(const request_rec* r) {
  return {.method = view_of(r->method),  // none where the request's line could not be read
          .is_http_1_1 = r->proto_num >= HTTP_VERSION(1, 1),
          .has_body = has_body(r),
          .upgrade = header_in(r, "Upgrade"),
          .connection = header_in(r, "Connection"),
          .key = header_in(r, "Sec-WebSocket-Key"),
          .version = header_in(r, "Sec-WebSocket-Version"),
          .extensions = header_in(r, "Sec-WebSocket-Extensions")};
}

int refuse(request_rec* r, const protocol::Refusal& refusal) {
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "opening handshake refused with %d: %s",
                refusal.status, refusal.reason);
  apr_table_setn(r->err_headers_out, "Sec-WebSocket-Version",
                 pool_string(r->pool, protocol::websocket_version));
  if (refusal.status == HTTP_UPGRADE_REQUIRED) {
    apr_table_setn(r->err_headers_out, "Upgrade", "websocket");
    apr_table_setn(r->err_headers_out, "Connection", "Upgrade");
  }
  if (refusal.status == HTTP_METHOD_NOT_ALLOWED)
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
  return refusal.status;
}

/// mod_headers applies its rules in an output filter that a 101 does not pass. It gets an empty
/// brigade here, and what it would pass on ends in a filter of ours.
void apply_header_rules(request_rec* r) {
  for (ap_filter_t* filter = r->output_filters; filter != nullptr; filter = filter->next) {
    if (!protocol::equals_ignoring_case(filter->frec->name, header_rules_filter)) continue;
    ap_filter_t end{};
    end.frec = end_of_header_rules;
    end.r = r;
    end.c = r->connection;
    filter->next = &end;
    filter->frec->filter_func.out_func(filter,
                                       apr_brigade_create(r->pool, r->connection->bucket_alloc));
    return;  // it has removed itself; the request's other filters have no more use
  }
}

}  // namespace

bool may_be_added(std::string_view name, std::string_view value) {
  for (const std::string_view excluded : excluded_headers) {
    if (protocol::equals_ignoring_case(name, excluded)) return false;
  }
  return protocol::is_token(name) && protocol::is_one_line(value);
}

namespace {

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

void append_headers(std::string& head, request_rec* r, const apr_table_t* table) {
  const apr_array_header_t* const entries = apr_table_elts(table);
  for (int i = 0; i < entries->nelts; ++i) {
    const auto& [name, value, hash] = reinterpret_cast<const apr_table_entry_t*>(entries->elts)[i];
    if (may_be_added(name, value)) {
      append_header(head, name, value);
    } else {
      ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "header %s is left out of the 101", name);
    }
  }
}

std::string response_head(request_rec* r, const SwitchingTerms& terms) {
  std::string head = "HTTP/1.1 101 Switching Protocols\r\n";
  append_header(head, "Upgrade", "websocket");
  append_header(head, "Connection", "Upgrade");
  append_header(head, "Sec-WebSocket-Accept",
                transport::accept_key(header_in(r, "Sec-WebSocket-Key")));
  if (!terms.subprotocol.empty()) append_header(head, "Sec-WebSocket-Protocol", terms.subprotocol);
  if (!terms.extensions.empty()) append_header(head, "Sec-WebSocket-Extensions", terms.extensions);
  append_headers(head, r, r->headers_out);
  append_headers(head, r, r->err_headers_out);
  return head += "\r\n";
}

}  // namespace

void register_client_handshake() {
  end_of_header_rules = ap_register_output_filter(
      "WS_HEADER_RULES_END",
      [](ap_filter_t*, apr_bucket_brigade* brigade) -> apr_status_t {
        apr_brigade_cleanup(brigade);
        return APR_SUCCESS;
      },
      nullptr, AP_FTYPE_PROTOCOL);
}

bool asks_for_websocket(const request_rec* r) {
  const bool is_for_error_page = r->prev != nullptr && r->prev->status != HTTP_OK;
  if (r->main != nullptr || is_for_error_page) return false;
  return protocol::asks_for_websocket(handshake_request(r));
}

int check_client_handshake(request_rec* r, const protocol::OriginRules& rules) {
  if (const auto refusal = protocol::check_request(handshake_request(r)))
    return refuse(r, *refusal);
  const std::string_view origin = header_in(r, "Origin");
  if (rules.allow(origin, header_in(r, "Host"))) return OK;
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                "opening handshake refused with 403: pages from Origin %s may not connect "
                "(WebSocketOrigin would allow them)",
                pool_string(r->pool, origin));
  return HTTP_FORBIDDEN;
}

const protocol::OriginRules& rules_of(UsualOrigins usual) {
  static const auto same = protocol::OriginRules::same();
  static const auto any = protocol::OriginRules::any();
  return usual == UsualOrigins::same ? same : any;
}

const protocol::OriginRules& origin_rules(const LocationConfig& location, UsualOrigins usual) {
  return location.origin != nullptr ? *location.origin : rules_of(usual);
}

bool page_may_act(const request_rec* r) {
  return origin_rules(location_config(r), UsualOrigins::same)
      .allow(header_in(r, "Origin"), header_in(r, "Host"));
}

bool send_switching_protocols(request_rec* r, const SwitchingTerms& terms) {
  conn_rec* const c = r->connection;
  r->status = HTTP_SWITCHING_PROTOCOLS;
  r->status_line = ap_get_status_line(HTTP_SWITCHING_PROTOCOLS);
  apply_header_rules(r);
  // A stream of HTTP/2 has no socket of its own.
  if (terms.timeout && c->master == nullptr)
    apr_socket_timeout_set(ap_get_conn_socket(c), apr_time_from_msec(terms.timeout->count()));
  const std::string head = response_head(r, terms);
  apr_bucket_brigade* const brigade = apr_brigade_create(r->pool, c->bucket_alloc);
  apr_brigade_write(brigade, nullptr, nullptr, head.data(), head.size());
  APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(c->bucket_alloc));
  const apr_status_t status = ap_pass_brigade(c->output_filters, brigade);
  // What httpd still sends for this request, its end above all, must not become a second response.
  r->output_filters = r->proto_output_filters = c->output_filters;
  r->input_filters = r->proto_input_filters = c->input_filters;
  request_state(r).answered = apr_time_now();
  if (status == APR_SUCCESS && c->aborted == 0) return true;
  ap_log_rerror(APLOG_MARK, APLOG_INFO, status, r,
                "the client was gone before its 101 could be sent");
  return false;
}

}  // namespace mod_ws::httpd
