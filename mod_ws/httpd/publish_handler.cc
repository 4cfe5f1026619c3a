#include "mod_ws/httpd/publish_handler.h"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "mod_ws/connection/prepared_message.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/protocol/header_list.h"
#include "mod_ws/protocol/utf8.h"

namespace mod_ws::httpd {
namespace {

constexpr std::string_view handler_name = "websocket-publish";
constexpr std::uint64_t default_max_body_bytes = 1 << 20;
/// A child that does not answer is left out after one second.
constexpr std::chrono::seconds count_patience{2};

/// `path` behind `start`, and behind the slash between them; nothing when it is not below it.
std::optional<std::string_view> below(std::string_view path, std::string_view start) {
  if (start.ends_with('/')) start.remove_suffix(1);
  if (!path.starts_with(start)) return std::nullopt;
  path.remove_prefix(start.size());
  if (path.empty()) return path;
  if (path.front() != '/') return std::nullopt;
  return path.substr(1);
}

/// Whether the section's SetHandler is ours.
bool sets_handler(request_rec* r, const core_dir_config& section) {
  const char* error = nullptr;
  return section.expr_handler != nullptr &&
         view_of(ap_expr_str_exec(r, section.expr_handler, &error)) == handler_name;
}

/// What follows the Location that has the SetHandler, of several the last one.
std::optional<std::string_view> below_location(request_rec* r) {
  const auto* const core =
      static_cast<core_server_config*>(ap_get_core_module_config(r->server->module_config));
  std::optional<std::string_view> found;
  for (int i = 0; i < core->sec_url->nelts; ++i) {
    const auto* const section = static_cast<core_dir_config*>(
        ap_get_core_module_config(APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t*)));
    const bool is_plain = section->r == nullptr && section->d_is_fnmatch == 0;
    if (!is_plain) continue;
    const auto rest = below(r->uri, section->d);
    if (rest && sets_handler(r, *section)) found = rest;
  }
  return found;
}

/// In a Directory, and where a pattern has the SetHandler, what httpd takes for the path behind the
/// file.
std::string_view channel_of(request_rec* r) {
  if (const auto rest = below_location(r)) return *rest;
  const std::string_view path = view_of(r->path_info);
  return path.empty() ? path : path.substr(1);
}

int refuse(request_rec* r, int status, const char* reason) {
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "not published, %d: %s", status, reason);
  return status;
}

/// Reads the body, up to the limit; 0 is none. OK, or a status.
int read_body(request_rec* r, std::uint64_t limit_bytes, std::string& body) {
  if (const int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK); status != OK)
    return status;
  if (ap_should_client_block(r) == 0) return OK;
  std::array<char, HUGE_STRING_LEN> part;
  while (true) {
    const long size = ap_get_client_block(r, part.data(), part.size());
    if (size < 0) return refuse(r, HTTP_BAD_REQUEST, "the body did not come whole");
    if (size == 0) return OK;
    body.append(part.data(), static_cast<std::size_t>(size));
    if (limit_bytes != 0 && body.size() > limit_bytes)
      return refuse(r, HTTP_REQUEST_ENTITY_TOO_LARGE, "the body is above WebSocketMaxMessageSize");
  }
}

/// What the Content-Type says; nothing where there is none.
std::optional<ws::MessageType> declared_type(request_rec* r) {
  std::string type(header_in(r, "Content-Type"));
  if (type.empty()) return std::nullopt;
  type.resize(std::min(type.find_first_of("; "), type.size()));
  ap_str_tolower(type.data());
  const bool is_text = type.starts_with("text/") || type.ends_with("json") ||
                       type.ends_with("xml") || type == "application/x-www-form-urlencoded";
  return is_text ? ws::MessageType::text : ws::MessageType::binary;
}

int publish(request_rec* r, std::string_view channel) {
  std::string body;
  const auto limit = location_config(r).max_message_bytes.client.value_or(default_max_body_bytes);
  if (const int status = read_body(r, limit, body); status != OK) return status;
  const bool is_utf8 =
      protocol::is_utf8(std::span(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()));
  const auto type =
      declared_type(r).value_or(is_utf8 ? ws::MessageType::text : ws::MessageType::binary);
  if (type == ws::MessageType::text && !is_utf8)
    return refuse(r, HTTP_BAD_REQUEST, "the body's type is text, and it is not UTF-8");
  if (!child_exchange().publish(channel,
                                std::make_shared<connection::PreparedMessage>(type, body))) {
    apr_table_setn(r->err_headers_out, "Retry-After", "1");
    return refuse(r, HTTP_SERVICE_UNAVAILABLE, "more is published than can be delivered");
  }
  r->status = HTTP_NO_CONTENT;
  return OK;
}

std::optional<std::size_t> count_subscribers(std::string_view channel) {
  const auto promise = std::make_shared<std::promise<std::size_t>>();
  auto count = promise->get_future();
  child_exchange().count(channel, [promise](std::size_t sum) { promise->set_value(sum); });
  if (count.wait_for(count_patience) != std::future_status::ready) return std::nullopt;
  return count.get();
}

int tell_subscribers(request_rec* r, std::string_view channel) {
  const auto count = count_subscribers(channel);
  if (!count) return HTTP_SERVICE_UNAVAILABLE;
  ap_set_content_type(r, "application/json");
  ap_rprintf(r, "{\"subscribers\": %" APR_SIZE_T_FMT "}\n", *count);
  return OK;
}

int handle_publish(request_rec* r) {
  if (view_of(r->handler) != handler_name) return DECLINED;
  return fenced(r, [&]() -> int {
    const std::string_view channel = channel_of(r);
    if (channel.empty()) return refuse(r, HTTP_NOT_FOUND, "the path names no channel");
    if (r->method_number == M_GET) return tell_subscribers(r, channel);
    if (r->method_number != M_POST) {
      ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_POST, -1);
      return HTTP_METHOD_NOT_ALLOWED;
    }
    if (!page_may_act(r))
      return refuse(r, HTTP_FORBIDDEN,
                    "the page's origin may not (WebSocketOrigin would allow it)");
    return publish(r, channel);
  });
}

}  // namespace

void register_publish_handler() {
  ap_hook_handler(handle_publish, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace mod_ws::httpd
