#include "mod_ws/transport/tls.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>

namespace mod_ws::transport {
namespace {

using Status = IoResult::Status;

}  // namespace

Tls::Tls(base::UniqueFd socket, SslPtr ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {
  SSL_set_fd(ssl_.get(), fd());
  SSL_set_info_callback(ssl_.get(), [](const SSL*, int, int) {});
  // A TCP end without close_notify is an end like any other: what is whole is told by the closing
  // handshake of RFC 6455.
  SSL_set_options(ssl_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_set_read_ahead(ssl_.get(), 1);  // a record's header and body in one recv(2)
}

IoResult Tls::read_some(std::span<std::uint8_t> buffer) {
  IoResult result;
  while (result.bytes < buffer.size()) {
    const auto space = buffer.subspan(result.bytes);
    std::size_t bytes = 0;
    ERR_clear_error();
    const int returned = SSL_read_ex(ssl_.get(), space.data(), space.size(), &bytes);
    if (returned <= 0) {
      const IoResult reason = failure(returned);
      // What came before an error is still good; the next read tells the error again.
      return result.bytes > 0 ? result : reason;
    }
    result.status = Status::moved;
    result.bytes += bytes;
  }
  return result;
}

IoResult Tls::write_some(std::span<const std::uint8_t> first,
                         std::span<const std::uint8_t> second) {
  IoResult result;
  for (const auto part : {first, second}) {
    const IoResult one = write_all(part);
    if (one.status == Status::failed) return one;
    result.bytes += one.bytes;
    if (one.bytes < part.size()) break;
  }
  result.status = result.bytes > 0 ? Status::moved : Status::would_block;
  return result;
}

/// As many records as go.
IoResult Tls::write_all(std::span<const std::uint8_t> bytes) {
  IoResult result;
  while (result.bytes < bytes.size()) {
    const auto rest = bytes.subspan(result.bytes);
    std::size_t written = 0;
    ERR_clear_error();
    const int returned = SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &written);
    if (returned <= 0) {
      const IoResult reason = failure(returned);
      return reason.status == Status::failed ? reason : result;
    }
    result.bytes += written;
  }
  return result;
}

void Tls::shutdown_write() {
  ERR_clear_error();
  if (!broken_) SSL_shutdown(ssl_.get());
  ::shutdown(fd(), SHUT_WR);
}

void Tls::close() {
  ssl_.reset();
  socket_.reset();
}

IoResult Tls::failure(int returned) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {.status = Status::would_block};
    case SSL_ERROR_ZERO_RETURN:
      return {.status = Status::end};
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      return {.status = Status::failed, .error = system_error};
    default:
      broken_ = true;
      return {.status = Status::failed};
  }
}

}  // namespace mod_ws::transport
