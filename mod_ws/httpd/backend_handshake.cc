#include "mod_ws/httpd/backend_handshake.h"

#include <apr_date.h>
#include <apr_portable.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "mod_ws/base/decimal.h"
#include "mod_ws/base/rare_line.h"
#include "mod_ws/httpd/takeover.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::httpd {
namespace {

constexpr int max_interim_responses = 10;
constexpr apr_status_t too_long = APR_OS_START_USERERR;  // a line of the answer
constexpr int max_header_lines = 200;  // interim responses included: their memory is kept too

/// A request_rec for the backend's side: httpd's line reader, header parser and body filter work on
/// requests.
request_rec* make_fake_request(const BackendRequest& request) {
  request_rec* const r = request.r;
  conn_rec* const origin = request.backend->connection;
  apr_pool_t* pool = nullptr;
  apr_pool_create(&pool, origin->pool);
  auto* const fake = static_cast<request_rec*>(apr_pcalloc(pool, sizeof(request_rec)));
  fake->pool = pool;
  fake->connection = origin;
  fake->server = r->server;
  fake->log = r->log;
  fake->status = HTTP_OK;
  fake->proxyreq = PROXYREQ_RESPONSE;
  fake->request_time = r->request_time;
  fake->headers_in = apr_table_make(pool, 12);
  fake->trailers_in = apr_table_make(pool, 1);
  fake->headers_out = apr_table_make(pool, 1);
  fake->trailers_out = apr_table_make(pool, 1);
  fake->err_headers_out = apr_table_make(pool, 1);
  fake->subprocess_env = apr_table_make(pool, 1);
  fake->notes = apr_table_make(pool, 1);
  fake->useragent_ip = origin->client_ip;
  fake->useragent_addr = origin->client_addr;
  fake->per_dir_config = r->per_dir_config;
  fake->request_config = ap_create_request_config(pool);
  fake->input_filters = fake->proto_input_filters = origin->input_filters;
  fake->output_filters = fake->proto_output_filters = origin->output_filters;
  return fake;
}

int bad_gateway(const BackendRequest& request, apr_status_t status, const char* what) {
  const bool timed_out = APR_STATUS_IS_TIMEUP(status);
  if (timed_out) apr_table_setn(request.r->notes, "proxy_timedout", "1");  // for failontimeout
  if (status == too_long) {
    status = APR_SUCCESS;
    what = "a line of the answer to the opening handshake is longer than responsefieldsize= allows";
  }
  log_backend_trouble(request, status, what);
  return timed_out ? HTTP_GATEWAY_TIME_OUT : HTTP_BAD_GATEWAY;
}

/// The worker's responsefieldsize=, and mod_proxy_http's default.
std::size_t max_line_bytes(const BackendRequest& request) {
  const auto& worker = *request.worker->s;
  return worker.response_field_size_set != 0 ? worker.response_field_size : HUGE_STRING_LEN;
}

/// Until the deadline; 0 when it is over. The time of day may jump meanwhile.
apr_interval_time_t time_left(const BackendRequest& request) {
  const auto left = request.deadline - std::chrono::steady_clock::now();
  return std::max<apr_interval_time_t>(0,
                                       std::chrono::ceil<std::chrono::microseconds>(left).count());
}

/// Waits for more from the backend, until the deadline.
apr_status_t wait_for_input(const BackendRequest& request) {
  const apr_interval_time_t left = time_left(request);
  if (left == 0) return APR_TIMEUP;
  pollfd descriptor{.fd = -1, .events = POLLIN, .revents = 0};
  apr_os_sock_get(&descriptor.fd, request.backend->sock);
  const int ready = ::poll(&descriptor, 1, static_cast<int>(apr_time_as_msec(left)) + 1);
  if (ready < 0 && errno != EINTR) return errno;
  return APR_SUCCESS;
}

/// Reads one line, without its end. Not httpd's own line reader: it would let a backend that sends
/// byte by byte hold the thread for as long as it likes.
apr_status_t read_line(const BackendRequest& request, const BackendResponse& response,
                       std::string& line, apr_bucket_brigade* brigade) {
  line.clear();
  while (!line.ends_with('\n')) {
    const std::uint64_t read_before = tls_bytes_read(response.fake->connection);
    apr_status_t status = ap_get_brigade(response.fake->input_filters, brigade, AP_MODE_GETLINE,
                                         APR_NONBLOCK_READ, 0);
    char part[HUGE_STRING_LEN];
    apr_size_t length = status == APR_SUCCESS ? sizeof part : 0;
    if (status == APR_SUCCESS) status = apr_brigade_flatten(brigade, part, &length);
    apr_brigade_cleanup(brigade);
    if (status != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(status)) return status;
    line.append(part, length);
    if (line.size() > max_line_bytes(request)) return too_long;
    const bool moved = length > 0 || tls_bytes_read(response.fake->connection) != read_before;
    if (!moved && (status = wait_for_input(request)) != APR_SUCCESS) return status;
  }
  line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  return APR_SUCCESS;
}

/// "HTTP/1.1 101 Switching Protocols"
int read_status_line(const BackendRequest& request, BackendResponse& response,
                     apr_bucket_brigade* brigade) {
  std::string line;
  const apr_status_t status = read_line(request, response, line, brigade);
  if (status != APR_SUCCESS)
    return bad_gateway(request, status, "no answer to the opening handshake");
  if (apr_date_checkmask(line.c_str(), "HTTP/1.# ###*") == 0) {
    return bad_gateway(request, APR_SUCCESS, "the answer to the opening handshake is not HTTP/1");
  }
  response.status_line = apr_pstrdup(response.fake->pool, line.c_str() + 9);
  response.status = static_cast<int>(apr_atoi64(response.status_line));
  const bool is_status = response.status >= 100 && response.status <= 599;  // RFC 9110 15
  return is_status ? OK
                   : bad_gateway(request, APR_SUCCESS,
                                 "the answer to the opening handshake has no status");
}

/// "Name: value"; false when it is nothing of the kind, or more than a line of it.
bool add_header(apr_table_t* headers, std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  if (!protocol::is_token(name) || !protocol::is_one_line(line)) return false;
  apr_pool_t* const pool = apr_table_elts(headers)->pool;
  apr_table_addn(headers, pool_string(pool, name),
                 pool_string(pool, protocol::trimmed(line.substr(colon + 1))));
  return true;
}

/// Whether a body's end is told in one way only; else what one reads as the body is a response for
/// another one (RFC 9112 6.3, 11.1).
bool tells_where_it_ends(apr_table_t* headers) {
  apr_pool_t* const pool = apr_table_elts(headers)->pool;
  const char* const encoding = apr_table_getm(pool, headers, "Transfer-Encoding");
  if (encoding != nullptr) {
    apr_table_unset(headers, "Content-Length");  // chunks say it
    return protocol::equals_ignoring_case(encoding, "chunked");
  }
  const char* const length = apr_table_getm(pool, headers, "Content-Length");
  return length == nullptr || base::parse_decimal(length).has_value();
}

int read_head(const BackendRequest& request, BackendResponse& response, int& lines_left,
              apr_bucket_brigade* brigade) {
  if (const int status = read_status_line(request, response, brigade); status != OK) return status;
  // Not httpd's own parser: it joins lines of one name with commas, which Set-Cookie does not
  // survive.
  apr_table_clear(response.fake->headers_in);
  std::string header;
  std::string line;
  while (lines_left-- > 0) {
    const apr_status_t status = read_line(request, response, line, brigade);
    if (status != APR_SUCCESS)
      return bad_gateway(request, status, "the answer to the opening handshake broke off");
    if (!header.empty() && (line.starts_with(' ') || line.starts_with('\t'))) {
      header += ' ' + std::string(protocol::trimmed(line));  // RFC 9112 5.2: obsolete folding
      if (header.size() > max_line_bytes(request)) break;
      continue;
    }
    if (!header.empty() && !add_header(response.fake->headers_in, header)) break;
    if (line.empty() && !tells_where_it_ends(response.fake->headers_in)) break;
    if (line.empty()) return OK;
    header = line;
  }
  return bad_gateway(request, APR_SUCCESS,
                     "bad or too many headers in the answer to the opening handshake");
}

/// APR waits for whole milliseconds, rounded down.
constexpr apr_interval_time_t waits_short_by = 1'000;

/// mod_ssl's handshake happens here, too, on a blocking socket: each of its steps gets what is left
/// of the time.
apr_status_t pass_in_time(const BackendRequest& request, apr_bucket_brigade* brigade) {
  conn_rec* const origin = request.backend->connection;
  const apr_interval_time_t left = time_left(request);
  if (left == 0) return APR_TIMEUP;
  apr_off_t length = 0;
  apr_brigade_length(brigade, 0, &length);
  apr_interval_time_t usual = 0;
  apr_socket_timeout_get(request.backend->sock, &usual);
  apr_socket_timeout_set(request.backend->sock, left);
  apr_status_t status = ap_pass_brigade(origin->output_filters, brigade);
  apr_socket_timeout_set(request.backend->sock, usual);
  if (status == APR_SUCCESS && origin->aborted != 0) status = APR_ECONNABORTED;
  if (status == APR_SUCCESS) request.worker->s->transferred += length;  // as mod_proxy does
  return status != APR_SUCCESS && time_left(request) < waits_short_by ? APR_TIMEUP : status;
}

bool is_interim(int status) {
  return status >= 100 && status < 200 && status != HTTP_SWITCHING_PROTOCOLS;
}

using HeaderMap = const char* (*)(request_rec*, proxy_dir_conf*, const char*);

/// What ProxyPassReverse and its kin change on the way back.
HeaderMap reverse_map_of(const char* name) {
  for (const char* const location : {"Location", "Content-Location", "URI", "Destination"}) {
    if (ap_cstr_casecmp(name, location) == 0) return ap_proxy_location_reverse_map;
  }
  return ap_cstr_casecmp(name, "Set-Cookie") == 0 ? ap_proxy_cookie_reverse_map : nullptr;
}

proxy_dir_conf* proxy_directory_config(request_rec* r) {
  return static_cast<proxy_dir_conf*>(ap_get_module_config(r->per_dir_config, &proxy_module));
}

/// Some of the body, waited for until the deadline: it cannot hold the thread for as long as the
/// backend likes.
apr_status_t read_body(const BackendRequest& request, const BackendResponse& response,
                       apr_bucket_brigade* brigade) {
  for (;;) {
    const std::uint64_t read_before = tls_bytes_read(response.fake->connection);
    apr_status_t status =
        ap_get_brigade(response.fake->input_filters, brigade, AP_MODE_READBYTES, APR_NONBLOCK_READ,
                       static_cast<apr_off_t>(request.conf->io_buffer_size));
    if (status != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(status)) return status;
    if (!APR_BRIGADE_EMPTY(brigade)) return APR_SUCCESS;
    const bool moved = tls_bytes_read(response.fake->connection) != read_before;
    if (!moved && (status = wait_for_input(request)) != APR_SUCCESS) return status;
  }
}

/// To the client, whose slowness is not the backend's.
apr_status_t pass_to_client(BackendRequest& request, apr_bucket_brigade* brigade) {
  const auto begun = std::chrono::steady_clock::now();
  const apr_status_t status = ap_pass_brigade(request.r->output_filters, brigade);
  request.deadline += std::chrono::steady_clock::now() - begun;
  return status;
}

void pass_body(BackendRequest& request, const BackendResponse& response) {
  request_rec* const r = request.r;
  if (AP_STATUS_IS_HEADER_ONLY(response.status)) return;  // httpd sends the end
  apr_bucket_brigade* const received =
      apr_brigade_create(r->pool, request.backend->connection->bucket_alloc);
  apr_bucket_brigade* const passed = apr_brigade_create(r->pool, r->connection->bucket_alloc);
  // The filter that knows where a body ends; it reads Content-Length and Transfer-Encoding from
  // headers_in.
  ap_add_input_filter("HTTP_IN", nullptr, response.fake, response.fake->connection);
  for (bool ended = false; !ended;) {
    const apr_status_t status = read_body(request, response, received);
    if (APR_STATUS_IS_EOF(status)) {  // a body without a length
      APR_BRIGADE_INSERT_TAIL(received, apr_bucket_eos_create(received->bucket_alloc));
    } else if (status != APR_SUCCESS) {
      bad_gateway(request, status, "the response to the opening handshake ended early");
      APR_BRIGADE_INSERT_TAIL(
          passed, ap_bucket_error_create(HTTP_BAD_GATEWAY, nullptr, r->pool, passed->bucket_alloc));
      APR_BRIGADE_INSERT_TAIL(passed, apr_bucket_eos_create(passed->bucket_alloc));
      ap_pass_brigade(r->output_filters, passed);
      return;
    }
    ap_proxy_buckets_lifetime_transform(r, received, passed);
    ended = !APR_BRIGADE_EMPTY(passed) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(passed));
    if (pass_to_client(request, passed) != APR_SUCCESS || r->connection->aborted != 0) return;
    apr_brigade_cleanup(passed);
    apr_brigade_cleanup(received);
  }
}

}  // namespace

bool has_named_worker(const BackendRequest& request) {
  return request.worker != request.conf->reverse && request.worker != request.conf->forward;
}

const char* backend_name(const BackendRequest& request) {
  request_rec* const r = request.r;
  if (has_named_worker(request)) return ap_proxy_worker_name(r->pool, request.worker);
  const char* const socket_path = apr_table_get(r->notes, "uds_path");
  const char* const address =
      apr_uri_unparse(r->pool, request.uri, APR_URI_UNP_OMITPATHINFO | APR_URI_UNP_OMITUSERINFO);
  return socket_path == nullptr ? address
                                : apr_pstrcat(r->pool, "unix:", socket_path, "|", address, nullptr);
}

void log_backend_trouble(const BackendRequest& request, apr_status_t status, const char* what) {
  static base::RareLines lines;
  const std::string trouble = std::string(backend_name(request)) + ": " + what;
  const auto told = lines.count(trouble);
  ap_log_rerror(APLOG_MARK, told > 0 ? APLOG_ERR : APLOG_INFO, status, request.r, "backend %s%s",
                trouble.c_str(), base::more_like_it(told).c_str());
}

int check_forwarded_headers(request_rec* r) {
  const apr_array_header_t* const entries = apr_table_elts(r->headers_in);
  for (int i = 0; i < entries->nelts; ++i) {
    const auto& [name, value, hash] = reinterpret_cast<const apr_table_entry_t*>(entries->elts)[i];
    if (protocol::is_one_line(value)) continue;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "opening handshake refused with 400: header %s for the backend has a line end",
                  name);
    return HTTP_BAD_REQUEST;
  }
  return OK;
}

int send_backend_handshake(const BackendRequest& request) {
  request_rec* const r = request.r;
  conn_rec* const origin = request.backend->connection;
  apr_bucket_brigade* const brigade = apr_brigade_create(r->pool, origin->bucket_alloc);
  char* content_length = nullptr;
  char* transfer_encoding = nullptr;
  const int status = ap_proxy_create_hdrbrgd(
      r->pool, brigade, r, request.backend, request.worker, request.conf, request.uri, request.url,
      request.server_port_text, &content_length, &transfer_encoding);
  if (status != OK) return status;
  apr_brigade_puts(brigade, nullptr, nullptr, "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(origin->bucket_alloc));
  const apr_status_t sent = pass_in_time(request, brigade);
  if (sent == APR_SUCCESS) return OK;
  const bool is_tls_error = request.backend->is_ssl != 0 && !APR_STATUS_IS_TIMEUP(sent);
  const int answer =
      bad_gateway(request, is_tls_error ? APR_SUCCESS : sent,
                  request.backend->is_ssl != 0
                      ? "TLS did not come about, or broke off (LogLevel ssl:info tells why)"
                      : "the connection broke off before the opening handshake was sent");
  // The backend has not been asked for anything yet: a balancer may ask another member.
  return answer == HTTP_BAD_GATEWAY ? HTTP_SERVICE_UNAVAILABLE : answer;
}

int read_backend_response(const BackendRequest& request, BackendResponse& response) {
  // mod_proxy destroys the pool of backend->r with the connection.
  response.fake = request.backend->r = make_fake_request(request);
  apr_bucket_brigade* const brigade =
      apr_brigade_create(response.fake->pool, request.backend->connection->bucket_alloc);
  int lines_left = max_header_lines;
  for (int count = 0; count <= max_interim_responses; ++count) {
    if (const int status = read_head(request, response, lines_left, brigade); status != OK)
      return status;
    if (!is_interim(response.status)) return OK;
  }
  return bad_gateway(request, APR_SUCCESS, "too many interim responses to the opening handshake");
}

void copy_response_headers(const BackendRequest& request, const BackendResponse& response) {
  request_rec* const r = request.r;
  proxy_dir_conf* const directory = proxy_directory_config(r);
  apr_table_t* const headers = apr_table_copy(r->pool, response.fake->headers_in);
  if (auto* const clear_connection = APR_RETRIEVE_OPTIONAL_FN(ap_proxy_clear_connection))
    clear_connection(r, headers);
  for (const char* const name :
       {"Keep-Alive", "Proxy-Authenticate", "TE", "Trailer", "Upgrade", "Transfer-Encoding",
        "Sec-WebSocket-Accept", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"}) {
    apr_table_unset(headers, name);
  }
  const apr_array_header_t* const entries = apr_table_elts(headers);
  for (int i = 0; i < entries->nelts; ++i) {
    const auto& entry = reinterpret_cast<const apr_table_entry_t*>(entries->elts)[i];
    const HeaderMap map = reverse_map_of(entry.key);
    apr_table_addn(r->headers_out, entry.key,
                   map == nullptr ? entry.val : map(r, directory, entry.val));
  }
}

int pass_response(BackendRequest& request, const BackendResponse& response) {
  request_rec* const r = request.r;
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "backend %s answered the opening handshake with %s",
                backend_name(request), response.status_line);
  copy_response_headers(request, response);
  if (ap_proxy_should_override(proxy_directory_config(r), response.status) != 0) {
    apr_table_setn(r->notes, "proxy-error-override", "1");
    return response.status;
  }
  r->status = response.status;
  r->status_line = apr_pstrdup(r->pool, response.status_line);
  if (const char* const type = apr_table_get(r->headers_out, "Content-Type"))
    ap_set_content_type(r, type);
  request.set_deadline();
  pass_body(request, response);
  return OK;
}

}  // namespace mod_ws::httpd
