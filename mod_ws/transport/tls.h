#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <span>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/transport/io_result.h"

namespace mod_ws::transport {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

/// A TLS session whose handshake is done, on a non-blocking socket. OpenSSL's error queue belongs
/// to the thread, so it is cleared before every call.
class Tls {
 public:
  /// Makes `ssl` read and write `socket`, in the way a loop needs: partial writes, buffers released
  /// when idle, no renegotiation, no callbacks of the owner before. Throws std::bad_alloc.
  Tls(base::UniqueFd socket, SslPtr ssl);

  int fd() const { return socket_.get(); }

  /// Fills the buffer with as many records as have arrived.
  IoResult read_some(std::span<std::uint8_t> buffer);

  /// Writes records until everything is out or the kernel takes no more. What was refused must be
  /// offered again, at the start of the next write.
  IoResult write_some(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second);

  /// Sends close_notify, then as Plain.
  void shutdown_write();

  /// Closes the socket. Nothing may follow.
  void close();

 private:
  friend class Transport;
  /// Without TLS: no more than a place for the socket.
  explicit Tls(base::UniqueFd socket) : socket_(std::move(socket)) {}
  bool has_tls() const { return ssl_ != nullptr; }
  base::UniqueFd take_socket() { return std::move(socket_); }

  IoResult write_all(std::span<const std::uint8_t> bytes, bool more_follows);
  IoResult failure(int returned);

  base::UniqueFd socket_;
  bool broken_ = false;  // after a fatal error OpenSSL wants no further call, not even a shutdown
  SslPtr ssl_;
};

}  // namespace mod_ws::transport
