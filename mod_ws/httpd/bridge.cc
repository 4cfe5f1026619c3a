#include "mod_ws/httpd/bridge.h"

#include <ap_mpm.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/scarcity.h"
#include "mod_ws/httpd/takeover.h"

namespace mod_ws::httpd {
namespace {

constexpr std::size_t read_bytes = 16 << 10;
constexpr const char* retry_after_seconds = "10";

std::atomic<unsigned> bridge_count{0};

/// What becomes readable when the client has sent something; -1 when nothing more can come.
int descriptor_of(conn_rec* c) {
  apr_pollfd_t polled{};
  if (ap_get_pollfd_from_conn(c, &polled, nullptr) != APR_SUCCESS) return -1;
  int descriptor = -1;
  if (polled.desc_type == APR_POLL_FILE) {
    apr_os_file_get(&descriptor, polled.desc.f);
  } else if (polled.desc_type == APR_POLL_SOCKET) {
    apr_os_sock_get(&descriptor, polled.desc.s);
  }
  return descriptor;
}

}  // namespace

Bridge::Place::Place(unsigned max) : is_taken_(bridge_count.fetch_add(1) < max) {
  if (!is_taken_) bridge_count.fetch_sub(1);
}

Bridge::Place::~Place() {
  if (is_taken_) bridge_count.fetch_sub(1);
}

Bridge::Bridge(conn_rec* client, unsigned max)
    : client_(client),
      place_(max),
      brigade_(apr_brigade_create(client->pool, client->bucket_alloc)),
      awaits_first_eos_(client->master != nullptr) {
  std::array<int, 2> ends{-1, -1};
  if (!place_ ||
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return;
  }
  session_end_ = base::UniqueFd(ends[0]);
  our_end_ = base::UniqueFd(ends[1]);
}

void Bridge::run() {
  ap_remove_input_filter_byhandle(client_->input_filters, "reqtimeout");
  while (!has_ended_) {
    move_up();
    move_down();
    if (!has_ended_) wait();
  }
  client_->keepalive = AP_CONN_CLOSE;
}

void Bridge::wait() {
  const bool reads_client = may_read_client();
  const int client = reads_client ? descriptor_of(client_) : -1;
  if (reads_client && client < 0) return end_up();
  // poll() leaves negative descriptors alone.
  std::array<pollfd, 2> waits{
      pollfd{.fd = client, .events = POLLIN, .revents = 0},
      pollfd{.fd = our_end_.get(),
             .events = static_cast<short>(up_.empty() ? POLLIN : POLLIN | POLLOUT),
             .revents = 0}};
  ::poll(waits.data(), waits.size(), -1);
}

// ---- from the client

/// Until the client has sent no more, or the session takes no more.
void Bridge::move_up() {
  while (!has_ended_) {
    if (!up_.empty()) send_up();
    if (!may_read_client()) return;
    receive_up();
    if (up_.empty()) return;
  }
}

void Bridge::receive_up() {
  const apr_status_t status = ap_get_brigade(client_->input_filters, brigade_, AP_MODE_READBYTES,
                                             APR_NONBLOCK_READ, read_bytes);
  const bool has_nothing =
      APR_STATUS_IS_EAGAIN(status) || (status == APR_SUCCESS && APR_BRIGADE_EMPTY(brigade_));
  if (has_nothing) return;
  if (status != APR_SUCCESS) return APR_STATUS_IS_EOF(status) ? end_up() : end();
  bool is_last = false;
  for (const apr_bucket* bucket = APR_BRIGADE_FIRST(brigade_);
       bucket != APR_BRIGADE_SENTINEL(brigade_); bucket = APR_BUCKET_NEXT(bucket)) {
    // mod_http2 ends the request's empty body first, and then the stream.
    if (APR_BUCKET_IS_EOS(bucket)) is_last = !std::exchange(awaits_first_eos_, false);
  }
  apr_off_t length = 0;
  apr_brigade_length(brigade_, 1, &length);
  auto size = static_cast<apr_size_t>(length);
  up_.resize(size);
  const apr_status_t flattened = apr_brigade_flatten(brigade_, up_.data(), &size);
  apr_brigade_cleanup(brigade_);
  if (flattened != APR_SUCCESS) return end();
  if (is_last) end_up();
}

void Bridge::send_up() {
  const ssize_t sent = ::send(our_end_.get(), up_.data(), up_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    // The session reads no more, and may still have something to say.
    up_.clear();
    client_ended_ = true;
  } else if (sent > 0) {
    up_.erase(up_.begin(), up_.begin() + sent);
  }
  if (up_.empty() && client_ended_) ::shutdown(our_end_.get(), SHUT_WR);
}

/// The client sends no more: its session sees the connection's end.
void Bridge::end_up() {
  client_ended_ = true;
  if (up_.empty()) ::shutdown(our_end_.get(), SHUT_WR);
}

// ---- to the client

/// Until the session has sent no more. httpd's filters block while the client takes nothing, at
/// most for its Timeout.
void Bridge::move_down() {
  std::array<char, read_bytes> bytes;
  while (!has_ended_) {
    const ssize_t size = ::recv(our_end_.get(), bytes.data(), bytes.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return end();
    apr_brigade_write(brigade_, nullptr, nullptr, bytes.data(), static_cast<apr_size_t>(size));
    APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_flush_create(client_->bucket_alloc));
    const apr_status_t status = ap_pass_brigade(client_->output_filters, brigade_);
    apr_brigade_cleanup(brigade_);
    if (status != APR_SUCCESS || client_->aborted != 0) return end();
  }
}

/// One side is no more, and the other one sees it.
void Bridge::end() {
  has_ended_ = true;
  our_end_.reset();
}

// ---- requests

namespace {

unsigned max_bridges(const request_rec* r) {
  if (const auto configured = server_config(r->server).max_bridged) return *configured;
  int threads = 1;
  ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
  return static_cast<unsigned>(std::max(threads / 2, 1));
}

int refuse_bridge(request_rec* r, unsigned max) {
  static base::RareLine rare_line;
  apr_table_setn(r->err_headers_out, "Retry-After", retry_after_seconds);
  if (const auto refused = rare_line.count(); refused > 0) {
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        "opening handshake refused with 503: this child has %u bridged sessions, each of "
        "which holds a thread (WebSocketMaxBridged); refused since this was last said: %s",
        max, std::to_string(refused).c_str());
  }
  return HTTP_SERVICE_UNAVAILABLE;
}

int prepare_bridge(request_rec* r, const char* obstacle, Handover& handover) {
  const unsigned max = max_bridges(r);
  auto bridge = std::make_shared<Bridge>(r->connection, max);
  if (!bridge->has_place()) return refuse_bridge(r, max);
  if (!handover.prepare_bridged(bridge->take_session_end())) return refuse_for_scarcity(r, errno);
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                "bridged, so that the session holds a thread of this child and ends with it: %s",
                obstacle);
  request_state(r).bridge = std::move(bridge);
  return OK;
}

}  // namespace

int prepare_client(request_rec* r, Handover& handover) {
  if (const char* const obstacle = takeover_obstacle(r->connection))
    return prepare_bridge(r, obstacle, handover);
  return handover.prepare(r->connection) ? OK : refuse_for_scarcity(r, errno);
}

bool is_bridged(request_rec* r) { return request_state(r).bridge != nullptr; }

void run_bridge(request_rec* r) {
  const auto bridge = std::move(request_state(r).bridge);
  if (!bridge || !request_state(r).is_handed_over) return;
  child_has_begun_what_ends();
  bridge->run();
}

}  // namespace mod_ws::httpd
