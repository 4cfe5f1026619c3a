#include "mod_ws/httpd/bridge.h"

#include <ap_mpm.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/scarcity.h"
#include "mod_ws/httpd/takeover.h"

namespace mod_ws::httpd {
namespace {

constexpr std::size_t read_bytes = 16 << 10;
/// How often it is looked whether a stream that is not read has been reset.
constexpr int look_every_ms = 1'000;

using Kind = Bridge::Place::Kind;

std::array<std::atomic<unsigned>, 2> bridge_counts;

std::atomic<unsigned>& count_of(Kind kind) { return bridge_counts[static_cast<std::size_t>(kind)]; }

std::mutex running_mutex;
std::set<Bridge*> running_bridges;
bool are_cut = false;  // those that begin later, too

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

/// The one under all streams, where there are any.
int socket_of(conn_rec* c) {
  int descriptor = -1;
  apr_os_sock_get(&descriptor, ap_get_conn_socket(c->master != nullptr ? c->master : c));
  return descriptor;
}

}  // namespace

Bridge::Place::Place(Kind kind, unsigned max)
    : kind_(kind), is_taken_(count_of(kind).fetch_add(1) < max) {
  if (!is_taken_) count_of(kind).fetch_sub(1);
}

Bridge::Place::~Place() {
  if (is_taken_) count_of(kind_).fetch_sub(1);
}

Bridge::Bridge(request_rec* r, Place::Kind kind, unsigned max)
    : client_(r->connection),
      place_(kind, max),
      brigade_(apr_brigade_create(r->pool, client_->bucket_alloc)),
      awaits_first_eos_(client_->master != nullptr) {
  if (!place_) return;
  client_socket_ = base::UniqueFd(::fcntl(socket_of(client_), F_DUPFD_CLOEXEC, 0));
  std::array<int, 2> ends{-1, -1};
  if (!client_socket_ ||
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return;
  }
  session_end_ = base::UniqueFd(ends[0]);
  our_end_ = base::UniqueFd(ends[1]);
  // What is in there when the session has ended is still offered to the client.
  const int small = read_bytes;
  ::setsockopt(session_end_.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
}

/// While it can be cut.
class Bridge::Run {
 public:
  explicit Run(Bridge& bridge) : bridge_(bridge) {
    const std::lock_guard lock(running_mutex);
    running_bridges.insert(&bridge_);
    if (are_cut) bridge_.cut();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    const std::lock_guard lock(running_mutex);
    running_bridges.erase(&bridge_);
  }

 private:
  Bridge& bridge_;
};

void Bridge::run() {
  ap_remove_input_filter_byhandle(client_->input_filters, "reqtimeout");
  {
    const Run run(*this);
    while (!has_ended_) {
      const bool has_more_up = move_up();
      const bool has_more_down = !has_ended_ && move_down();
      if (!has_ended_ && !has_more_up && !has_more_down) wait();
    }
  }
  our_end_.reset();
  client_->keepalive = AP_CONN_CLOSE;
}

void Bridge::cut() {
  ::shutdown(our_end_.get(), SHUT_RDWR);
  ::shutdown(client_socket_.get(), SHUT_RDWR);
}

void Bridge::cut_all() {
  const std::lock_guard lock(running_mutex);
  are_cut = true;
  for (Bridge* const bridge : running_bridges) bridge->cut();
}

void Bridge::wait() {
  const bool reads_client = !client_ended_ && up_.empty();
  const int client = client_ended_ ? -1 : descriptor_of(client_);
  if (reads_client && client < 0) return end_up();
  // poll() leaves negative descriptors alone.
  std::array<pollfd, 2> waits{
      pollfd{.fd = client, .events = static_cast<short>(reads_client ? POLLIN : 0), .revents = 0},
      pollfd{.fd = our_end_.get(),
             .events = static_cast<short>(up_.empty() ? POLLIN : POLLIN | POLLOUT),
             .revents = 0}};
  ::poll(waits.data(), waits.size(), reads_client ? -1 : look_every_ms);
  // A stream that was reset says so here, and by nothing that could be polled while it is not read.
  const bool is_broken = !reads_client && (waits[0].revents & (POLLERR | POLLHUP)) != 0;
  if (client_->aborted != 0 || is_broken) end();
}

// ---- from the client

bool Bridge::move_up() {
  if (!up_.empty()) return send_up();
  return !client_ended_ && receive_up() && (up_.empty() || send_up());
}

bool Bridge::receive_up() {
  const std::uint64_t tls_before = tls_bytes_read(client_);
  const apr_status_t status = ap_get_brigade(client_->input_filters, brigade_, AP_MODE_READBYTES,
                                             APR_NONBLOCK_READ, read_bytes);
  const bool has_nothing =
      APR_STATUS_IS_EAGAIN(status) || (status == APR_SUCCESS && APR_BRIGADE_EMPTY(brigade_));
  // A record of TLS's own, and perhaps more behind it, which no poll() shows.
  if (has_nothing) return tls_bytes_read(client_) != tls_before;
  return take_up(status);
}

bool Bridge::take_up(apr_status_t status) {
  if (APR_STATUS_IS_EOF(status)) end_up();
  if (status != APR_SUCCESS && !client_ended_) end();
  if (status != APR_SUCCESS) return false;
  bool is_last = false;
  for (const apr_bucket* bucket = APR_BRIGADE_FIRST(brigade_);
       bucket != APR_BRIGADE_SENTINEL(brigade_); bucket = APR_BUCKET_NEXT(bucket)) {
    // mod_http2 ends the request's empty body first, and then the stream.
    if (APR_BUCKET_IS_EOS(bucket)) is_last = !std::exchange(awaits_first_eos_, false);
  }
  if (!keep_up()) {
    end();
    return false;
  }
  if (is_last) end_up();
  return !is_last;
}

/// The brigade's bytes are ours.
bool Bridge::keep_up() {
  apr_off_t length = 0;
  apr_status_t status = apr_brigade_length(brigade_, 1, &length);
  if (status == APR_SUCCESS && length > 0) {
    auto size = static_cast<apr_size_t>(length);
    up_.resize(size);
    status = apr_brigade_flatten(brigade_, up_.data(), &size);
  }
  apr_brigade_cleanup(brigade_);
  return status == APR_SUCCESS;
}

bool Bridge::send_up() {
  const ssize_t sent = ::send(our_end_.get(), up_.data(), up_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    // The session reads no more, and may still have something to say.
    up_.clear();
    client_ended_ = true;
  } else if (sent > 0) {
    up_.erase(up_.begin(), up_.begin() + sent);
  }
  if (up_.empty() && client_ended_) ::shutdown(our_end_.get(), SHUT_WR);
  return up_.empty() && !client_ended_;
}

/// The client sends no more: its session sees the connection's end.
void Bridge::end_up() {
  client_ended_ = true;
  if (up_.empty()) ::shutdown(our_end_.get(), SHUT_WR);
}

// ---- to the client

/// httpd's filters block while the client takes nothing, at most for its Timeout.
bool Bridge::move_down() {
  std::array<char, read_bytes> bytes;
  const ssize_t size = ::recv(our_end_.get(), bytes.data(), bytes.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  apr_status_t status = APR_EOF;
  if (size > 0) {
    status =
        apr_brigade_write(brigade_, nullptr, nullptr, bytes.data(), static_cast<apr_size_t>(size));
    APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_flush_create(client_->bucket_alloc));
    if (status == APR_SUCCESS) status = ap_pass_brigade(client_->output_filters, brigade_);
    apr_brigade_cleanup(brigade_);
  }
  if (status != APR_SUCCESS || client_->aborted != 0) end();
  return !has_ended_;
}

/// One side is no more, and the other one sees it as soon as the bridge has stopped.
void Bridge::end() { has_ended_ = true; }

// ---- requests

namespace {

Kind kind_of(const request_rec* r) {
  return r->connection->master != nullptr ? Kind::stream : Kind::connection;
}

/// Without HTTP/2 it is a worker thread that is held, of which half are for others whatever the
/// directive says.
unsigned max_bridges(const request_rec* r) {
  int threads = 1;
  ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
  const auto half = static_cast<unsigned>(std::max(threads / 2, 1));
  const unsigned configured = server_config(r->server).max_bridged.value_or(half);
  return kind_of(r) == Kind::stream ? configured : std::min(configured, half);
}

int refuse_bridge(request_rec* r, unsigned max) {
  static base::RareLine rare_line;
  ask_to_retry(r);
  if (const auto refused = rare_line.count(); refused > 0) {
    const char* const which =
        kind_of(r) == Kind::stream
            ? "over HTTP/2, each of which holds a thread of mod_http2's (WebSocketMaxBridged)"
            : "without HTTP/2, each of which holds one of its threads (WebSocketMaxBridged, and "
              "half "
              "of ThreadsPerChild)";
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "opening handshake refused with 503: this child has %u bridged sessions %s; "
                  "refused since this was last said: %s",
                  max, which, std::to_string(refused).c_str());
  }
  return HTTP_SERVICE_UNAVAILABLE;
}

int prepare_bridge(request_rec* r, Handover& handover) {
  const unsigned max = max_bridges(r);
  auto bridge = std::make_shared<Bridge>(r, kind_of(r), max);
  if (!bridge->has_place()) return refuse_bridge(r, max);
  if (!handover.prepare_bridged(bridge->take_session_end())) return refuse_for_scarcity(r, errno);
  request_state(r).bridge = std::move(bridge);
  return OK;
}

}  // namespace

int prepare_client(request_rec* r, Handover& handover) {
  if (takeover_obstacle(r->connection) != nullptr) return prepare_bridge(r, handover);
  return handover.prepare(r->connection) ? OK : refuse_for_scarcity(r, errno);
}

bool is_bridged(request_rec* r) { return request_state(r).bridge != nullptr; }

void run_bridge(request_rec* r) {
  if (!request_state(r).bridge || !request_state(r).is_handed_over) return;
  const auto bridge = std::move(request_state(r).bridge);
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                "%s: bridged, so that the session holds a thread of this child and ends with the "
                "child: %s",
                r->uri, takeover_obstacle(r->connection));
  bridge->run();
}

}  // namespace mod_ws::httpd
