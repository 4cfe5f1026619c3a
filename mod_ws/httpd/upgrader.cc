#include "mod_ws/httpd/upgrader.h"

#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/log.h"

namespace mod_ws::httpd {
namespace {

constexpr int lowest_refusal = 300;
constexpr int highest_refusal = 599;

class HttpdResponse final : public ws::Response {
 public:
  explicit HttpdResponse(request_rec* r) : r_(r) {}

  void add_header(std::string_view name, std::string_view value) override {
    if (may_be_added(name, value)) {
      apr_table_add(r_->err_headers_out, pool_string(r_->pool, name), pool_string(r_->pool, value));
    } else {
      ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r_,
                    "the handler may not add the header %s: it is the handshake's own, or "
                    "has a line break or no name",
                    ap_escape_logitem(r_->pool, pool_string(r_->pool, name)));
    }
  }

  void refuse(int status, std::string_view body, std::string_view content_type) override {
    const bool is_refusal = status >= lowest_refusal && status <= highest_refusal;
    status_ = is_refusal ? status : HTTP_INTERNAL_SERVER_ERROR;
    body_ = body;
    content_type_ = content_type;
    if (!is_refusal) {
      ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r_,
                    "the handler refuses with %d, which is no status from %d to %d", status,
                    lowest_refusal, highest_refusal);
    }
  }

  /// OK, the status to return, or DONE when the answer has been sent.
  int finish() {
    if (status_ == OK) return OK;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r_, "opening handshake refused with %d by the handler",
                  status_);
    if (body_.empty()) return status_;
    r_->status = status_;
    ap_set_content_type(r_, pool_string(r_->pool, content_type_));
    ap_set_content_length(r_, static_cast<apr_off_t>(body_.size()));
    ap_rwrite(body_.data(), static_cast<int>(body_.size()), r_);
    return DONE;
  }

 private:
  request_rec* r_;
  int status_ = OK;
  std::string body_;
  std::string content_type_;
};

std::optional<std::string_view> find_header_in(const void* source, std::string_view name) {
  const auto* const r = static_cast<const request_rec*>(source);
  const char* const value = apr_table_get(r->headers_in, std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string_view>(value);
}

}  // namespace

ws::Request upgrade_request(request_rec* r) {
  return {.uri = r->unparsed_uri,
          .remote_address = pool_string(r->pool, client_address(r)),
          .user = view_of(r->user),
          .find_header = find_header_in,
          .source = r};
}

int ask_handler(request_rec* r, const ws::Upgrader& upgrader) {
  if (upgrader.check_origin != nullptr && !upgrader.check_origin(upgrade_request(r))) {
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "opening handshake refused with 403: the handler does not accept Origin %s",
                  pool_string(r->pool, header_in(r, "Origin")));
    return HTTP_FORBIDDEN;
  }
  if (upgrader.respond == nullptr) return OK;
  HttpdResponse response(r);
  upgrader.respond(upgrade_request(r), response);
  return response.finish();
}

std::vector<std::string> kept_headers(request_rec* r, const ws::Upgrader& upgrader) {
  std::vector<std::string> headers;
  for (const char* const name : upgrader.kept_headers) {
    const char* const value = apr_table_get(r->headers_in, name);
    if (value == nullptr) continue;
    headers.emplace_back(name);
    headers.emplace_back(value);
  }
  return headers;
}

std::vector<std::string> supported_subprotocols(const ws::Upgrader& upgrader,
                                                const std::vector<std::string>* configured) {
  std::vector<std::string> names;
  for (const char* const name : upgrader.subprotocols) names.emplace_back(name);
  if (names.empty() && configured != nullptr) return *configured;
  return names;
}

}  // namespace mod_ws::httpd
