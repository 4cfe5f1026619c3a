#include "mod_ws/httpd/status_handler.h"

#include <algorithm>
#include <optional>

#include "mod_ws/base/decimal.h"
#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/session_table.h"
#include "mod_ws/httpd/status_page.h"
#include "mod_ws/httpd/status_report.h"
#include "mod_ws/metrics/prometheus.h"

namespace mod_ws::httpd {
namespace {

constexpr std::size_t default_sessions = 1'000;
/// It has buttons: nobody is to show it in a frame, and nothing of a client's is to become part of
/// it.
constexpr const char* page_policy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool status_page_is_configured = false;

/// Whether a SetHandler line for us stands here or below.
bool has_set_handler(const ap_directive_t* line) {
  for (; line != nullptr; line = line->next) {
    if (ap_cstr_casecmp(line->directive, "SetHandler") == 0 &&
        view_of(line->args).find(status_handler_name) != std::string_view::npos) {
      return true;
    }
    if (has_set_handler(line->first_child)) return true;
  }
  return false;
}

int look_for_status_page(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec*) {
  status_page_is_configured = has_set_handler(ap_conftree);
  equip_status_session();
  return OK;
}

// ---- requests

/// What `name` or `name=VALUE` says among the arguments of the request.
std::optional<std::string_view> argument(const request_rec* r, std::string_view name) {
  std::string_view rest = view_of(r->args);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (!part.starts_with(name)) continue;
    if (part.size() == name.size()) return "";
    if (part[name.size()] == '=') return part.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number(const request_rec* r, std::string_view name) {
  const auto text = argument(r, name);
  return text ? base::parse_decimal(*text) : std::nullopt;
}

int send(request_rec* r, const char* type, std::string_view body) {
  ap_set_content_type(r, type);
  ap_set_content_length(r, static_cast<apr_off_t>(body.size()));
  apr_table_setn(r->headers_out, "Cache-Control", "no-store");
  apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
  ap_rwrite(body.data(), static_cast<int>(body.size()), r);
  return OK;
}

int show(request_rec* r) {
  if (argument(r, "metrics"))
    return send(r, metrics::prometheus_type, metrics::prometheus_text(board().report()));
  if (argument(r, "json")) {
    const SessionQuery query{.limit = number(r, "sessions").value_or(default_sessions),
                             .filter = {}};
    return send(r, "application/json", status_report(query, std::string(view_of(r->user))));
  }
  apr_table_setn(r->headers_out, "Content-Security-Policy", page_policy);
  apr_table_setn(r->headers_out, "X-Frame-Options", "DENY");
  return send(r, "text/html; charset=utf-8", status_page);
}

int refuse(request_rec* r, int status, const char* reason) {
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "no session closed, %d: %s", status, reason);
  return status;
}

/// POST ?close=ID, by a user that httpd knows, and not from another site's page.
int close(request_rec* r) {
  const auto id = number(r, "close");
  if (!id) return refuse(r, HTTP_BAD_REQUEST, "it takes ?close= and a session's number");
  if (r->user == nullptr) return refuse(r, HTTP_FORBIDDEN, "the client has not authenticated");
  if (!page_may_act(r))
    return refuse(r, HTTP_FORBIDDEN, "the page's origin may not (WebSocketOrigin would allow it)");
  if (!close_session(child_exchange(), *id, r->user))
    return refuse(r, HTTP_NOT_FOUND, "there is none with this number");
  r->status = HTTP_NO_CONTENT;
  return OK;
}

int handle_status(request_rec* r) {
  if (!is_for_status(r)) return DECLINED;
  return fenced(r, [r]() -> int {
    if (r->method_number == M_GET) return show(r);
    if (r->method_number == M_POST) return close(r);
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_POST, -1);
    return HTTP_METHOD_NOT_ALLOWED;
  });
}

}  // namespace

bool has_status_page() { return status_page_is_configured; }

void register_status_handler() {
  ap_hook_post_config(look_for_status_page, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_handler(handle_status, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace mod_ws::httpd
