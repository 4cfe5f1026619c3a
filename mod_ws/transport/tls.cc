#include "mod_ws/transport/tls.h"

#include <openssl/err.h>

#include <cerrno>

#include "mod_ws/transport/socket_bio.h"

namespace mod_ws::transport {
namespace {

using Status = IoResult::Status;

/// What one recv(2) may bring: four records. OpenSSL holds such a buffer only while there is
/// something in it.
constexpr std::size_t read_buffer_bytes = std::size_t{4} * SSL3_RT_MAX_ENCRYPTED_LENGTH;

/// What is left there would be taken for an error of the next call.
void clear_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

TlsStream::TlsStream(int socket, SslPtr ssl) : ssl_(std::move(ssl)) {
  BIO* const bio = make_socket_bio(socket);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_info_callback(ssl_.get(), [](const SSL*, int, int) {});
  // A TCP end without close_notify is an end like any other: what is whole is told by the closing
  // handshake of RFC 6455.
  SSL_set_options(ssl_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_set_read_ahead(ssl_.get(), 1);  // more than the rest of a record in one recv(2)
  SSL_set_default_read_buffer_len(ssl_.get(), read_buffer_bytes);
}

IoResult TlsStream::read_some(std::span<std::uint8_t> buffer) {
  IoResult result;
  while (result.bytes < buffer.size()) {
    const auto space = buffer.subspan(result.bytes);
    std::size_t bytes = 0;
    clear_errors();
    const int returned = SSL_read_ex(ssl_.get(), space.data(), space.size(), &bytes);
    if (returned <= 0) {
      const IoResult reason = failure(returned, Call::read);
      // What came before an error is still good; the next read tells the error again.
      return result.bytes > 0 ? result : reason;
    }
    result.status = Status::moved;
    result.bytes += bytes;
    // What is still in the kernel is told by whoever polls.
    if (SSL_has_pending(ssl_.get()) == 0) break;
  }
  return result;
}

IoResult TlsStream::write_some(std::span<const std::uint8_t> first,
                               std::span<const std::uint8_t> second) {
  IoResult result = write_all(first, !second.empty());
  if (result.status != Status::failed && result.bytes == first.size()) {
    const IoResult rest = write_all(second, false);
    if (rest.status == Status::failed) return rest;
    result.bytes += rest.bytes;
  }
  if (result.status == Status::failed) return result;
  result.status = result.bytes > 0 ? Status::moved : Status::would_block;
  return result;
}

/// As many records as go.
IoResult TlsStream::write_all(std::span<const std::uint8_t> bytes, bool more_follows) {
  IoResult result;
  while (result.bytes < bytes.size()) {
    const auto rest = bytes.subspan(result.bytes);
    std::size_t written = 0;
    const MoreFollows joined(more_follows || rest.size() > SSL3_RT_MAX_PLAIN_LENGTH);
    clear_errors();
    const int returned = SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &written);
    if (returned <= 0) {
      const IoResult reason = failure(returned, Call::write);
      return reason.status == Status::failed ? reason : result;
    }
    result.bytes += written;
  }
  return result;
}

void TlsStream::shut_down() {
  ERR_clear_error();
  if (!broken_) SSL_shutdown(ssl_.get());
}

/// Behind the peer's close_notify, OpenSSL tells every failure as that end: a write's as well.
IoResult TlsStream::failure(int returned, Call call) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {.status = Status::would_block};
    case SSL_ERROR_ZERO_RETURN:
      if (call == Call::read) return {.status = Status::end};
      [[fallthrough]];
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      return {.status = Status::failed, .error = system_error};
    default:
      broken_ = true;
      return {.status = Status::failed};
  }
}

}  // namespace mod_ws::transport
