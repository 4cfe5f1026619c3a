#include "mod_ws/httpd/takeover.h"

#include <fcntl.h>
#include <mod_ssl.h>
#include <mod_ssl_openssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "mod_ws/protocol/header_list.h"

namespace mod_ws::httpd {
namespace {

/// What is known of a connection while httpd has it. It lies in the connection's pool, and its
/// cleanup is the pool's last.
struct ConnectionState {
  SSL* ssl = nullptr;
  std::shared_ptr<Handover> handover;  ///< Once the connection is taken.
  std::size_t number = 0;              ///< Of the connection in its handover.
};

/// Connection filters that pass bytes on as they are, or that go with the socket (TLS). Any other
/// one may change what the peer sends or gets, and takeover would leave it out.
constexpr std::array<std::string_view, 9> transparent_filters{
    "core",          "core_in",          "ssl/tls filter", "ssl/tls coalescing filter",
    "reqtimeout",    "log_input_output", "dumpio_in",      "dumpio_out",
    "remoteip_input"};

ConnectionState& state_of(conn_rec* c) {
  return *static_cast<ConnectionState*>(ap_get_module_config(c->conn_config, &ws_module));
}

apr_status_t on_connection_pool_cleared(void* memory) {
  auto* const state = static_cast<ConnectionState*>(memory);
  try {
    if (state->handover) state->handover->let_go(state->number);
  } catch (const std::exception& error) {
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf, "a session was lost at its takeover: %s",
                 error.what());
  }
  state->~ConnectionState();
  return APR_SUCCESS;
}

/// The first to hear of a connection, client's or backend's, and so, cleanups being last-in
/// first-out, the last to hear of its end: after mod_ssl, which looks into the SSL object a last
/// time.
int watch_connection(conn_rec* c, void*) {
  auto* const state = new (apr_palloc(c->pool, sizeof(ConnectionState))) ConnectionState;
  ap_set_module_config(c->conn_config, &ws_module, state);
  apr_pool_cleanup_register(c->pool, state, on_connection_pool_cleared, apr_pool_cleanup_null);
  return OK;
}

int remember_ssl(conn_rec* c, SSL* ssl, int) {
  state_of(c).ssl = ssl;
  return OK;
}

const char* opaque_filter(const ap_filter_t* filter) {
  for (; filter != nullptr; filter = filter->next) {
    const auto known = std::any_of(
        transparent_filters.begin(), transparent_filters.end(), [&](std::string_view name) {
          return protocol::equals_ignoring_case(name, filter->frec->name);
        });
    if (!known) return filter->frec->name;
  }
  return nullptr;
}

/// Moves the brigade's data to the end of `bytes`.
apr_status_t append_brigade(std::vector<std::uint8_t>& bytes, apr_bucket_brigade* brigade) {
  apr_off_t length = 0;
  if (const apr_status_t status = apr_brigade_length(brigade, 1, &length); status != APR_SUCCESS)
    return status;
  const std::size_t before = bytes.size();
  auto size = static_cast<apr_size_t>(length);
  bytes.resize(before + size);
  const apr_status_t status =
      apr_brigade_flatten(brigade, reinterpret_cast<char*>(bytes.data() + before), &size);
  apr_brigade_cleanup(brigade);
  return status;
}

/// What the connection's filters hold of the peer's bytes. Their socket is the stand-in by now,
/// which never has anything, so this ends however fast the peer sends.
std::vector<std::uint8_t> drain_filters(conn_rec* c) {
  std::vector<std::uint8_t> bytes;
  apr_bucket_brigade* const brigade = apr_brigade_create(c->pool, c->bucket_alloc);
  // RequestReadTimeout is about requests, and this one is through.
  ap_remove_input_filter_byhandle(c->input_filters, "reqtimeout");
  while (ap_get_brigade(c->input_filters, brigade, AP_MODE_READBYTES, APR_NONBLOCK_READ,
                        HUGE_STRING_LEN) == APR_SUCCESS &&
         !APR_BRIGADE_EMPTY(brigade) && append_brigade(bytes, brigade) == APR_SUCCESS) {
  }
  return bytes;
}

int descriptor_of(conn_rec* c) {
  apr_os_sock_t descriptor = -1;
  apr_os_sock_get(&descriptor, ap_get_conn_socket(c));
  return descriptor;
}

/// A socket that is never readable: what httpd gets in place of a connection that was taken. One a
/// child, for its life; -1, with errno, as long as there are no descriptors for it.
int stand_in_socket() {
  static std::mutex mutex;
  static std::array<int, 2> pair{-1, -1};
  const std::lock_guard lock(mutex);
  if (pair[0] < 0 &&
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) != 0)
    pair = {-1, -1};
  return pair[0];
}

constexpr std::size_t descriptors_to_connect = 2;  // the connection's, and its duplicate

}  // namespace

void register_takeover() {
  ap_hook_pre_connection(watch_connection, nullptr, nullptr, APR_HOOK_REALLY_FIRST);
  APR_OPTIONAL_HOOK(ssl, pre_handshake, remember_ssl, nullptr, nullptr, APR_HOOK_MIDDLE);
}

const char* takeover_obstacle(conn_rec* c) {
  if (c->master != nullptr) return "it is a stream of an HTTP/2 connection";
  const char* filter = opaque_filter(c->input_filters);
  if (filter == nullptr) filter = opaque_filter(c->output_filters);
  if (filter != nullptr)
    return apr_pstrcat(c->pool, "the connection filter ", filter, " may change its bytes", nullptr);
  if (ap_ssl_conn_is_ssl(c) != 0 && state_of(c).ssl == nullptr) return "its TLS is not mod_ssl's";
  return nullptr;
}

std::uint64_t tls_bytes_read(conn_rec* c) {
  const SSL* const ssl = state_of(c).ssl;
  return ssl == nullptr ? 0 : BIO_number_read(SSL_get_rbio(ssl));
}

Handover::~Handover() {
  // The connection may live on, and keep what is watched of it.
  for (const auto& prepared : prepared_) {
    if (prepared.socket) loop_.cancel_reserved_watch(prepared.socket.get());
  }
}

bool Handover::reserve_descriptors() {
  while (reserved_.size() < descriptors_to_connect) {
    base::UniqueFd descriptor(::fcntl(stand_in_socket(), F_DUPFD_CLOEXEC, 0));
    if (!descriptor) return false;
    reserved_.push_back(std::move(descriptor));
  }
  return true;
}

void Handover::free_descriptor() {
  if (!reserved_.empty()) reserved_.pop_back();
}

bool Handover::prepare(conn_rec* c) {
  if (stand_in_socket() < 0) return false;
  base::UniqueFd socket = duplicate(descriptor_of(c));
  if (!socket || !loop_.reserve_watch(socket.get())) return false;
  SSL* const ssl = state_of(c).ssl;
  if (ssl != nullptr) SSL_up_ref(ssl);
  prepared_.push_back({c, std::move(socket), transport::SslPtr(ssl), {}});
  return true;
}

bool Handover::prepare_bridged(base::UniqueFd session_end) {
  if (!session_end || !loop_.reserve_watch(session_end.get())) return false;
  prepared_.push_back({nullptr, std::move(session_end), nullptr, {}});
  return true;
}

base::UniqueFd Handover::duplicate(int descriptor) {
  if (reserved_.empty()) return base::UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  base::UniqueFd socket = std::move(reserved_.back());
  reserved_.pop_back();
  ::dup3(descriptor, socket.get(), O_CLOEXEC);  // cannot fail for lack of descriptors
  return socket;
}

void Handover::commit(Begin begin) {
  begin_ = std::move(begin);
  for (const Prepared& prepared : prepared_) still_held_ += prepared.connection != nullptr ? 1 : 0;
  if (still_held_ == 0) return begin_session();
  for (std::size_t number = 0; number < prepared_.size(); ++number) {
    if (prepared_[number].connection != nullptr) take(prepared_[number], number);
  }
}

void Handover::take(Prepared& prepared, std::size_t number) {
  conn_rec* const c = prepared.connection;
  // Replaces what the number stands for; it cannot fail for lack of descriptors.
  ::dup3(stand_in_socket(), descriptor_of(c), O_CLOEXEC);
  prepared.already_read = drain_filters(c);
  auto& state = state_of(c);
  state.handover = shared_from_this();
  state.number = number;
  // No last words to the peer: neither from the MPM, nor from mod_proxy, nor from mod_ssl.
  c->aborted = 1;
  c->keepalive = AP_CONN_CLOSE;
}

void Handover::let_go(std::size_t number) {
  Prepared& free = prepared_[number];
  // The descriptor's flags are shared with httpd's copy, which may have been blocking until now.
  ::fcntl(free.socket.get(), F_SETFL, O_NONBLOCK);  // a socket has no other such flag
  if (free.ssl) {
    // mod_ssl's callbacks find their connection here, and would follow a dead pointer.
    SSL_set_app_data(free.ssl.get(), nullptr);
    SSL_set_shutdown(free.ssl.get(), 0);
  }
  bool all_free = false;
  {
    // The two connections of a relay may be let go of on different threads.
    const std::lock_guard lock(mutex_);
    all_free = --still_held_ == 0;
  }
  if (all_free) begin_session();
}

void Handover::begin_session() {
  std::vector<TakenConnection> taken;
  for (auto& [connection, socket, ssl, already_read] : prepared_) {
    auto transport = ssl ? transport::Transport(std::move(socket), std::move(ssl))
                         : transport::Transport(std::move(socket));
    taken.push_back({std::move(transport), std::move(already_read)});
  }
  begin_(std::move(taken));
}

}  // namespace mod_ws::httpd
