#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <span>

#include "mod_ws/transport/io_result.h"

namespace mod_ws::transport {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

/// A TLS session whose handshake is done, on a non-blocking socket of somebody else's; or none.
/// OpenSSL's error queue belongs to the thread, so it is cleared before every call.
class TlsStream {
 public:
  TlsStream() = default;

  /// Makes `ssl` read and write `socket`, in the way a loop needs: partial writes, buffers released
  /// when idle, no renegotiation, no callbacks of the owner before. Throws std::bad_alloc.
  TlsStream(int socket, SslPtr ssl);

  explicit operator bool() const { return ssl_ != nullptr; }

  /// Fills the buffer with as many records as have arrived.
  IoResult read_some(std::span<std::uint8_t> buffer);

  /// Writes records until everything is out or the kernel takes no more. What was refused must be
  /// offered again, at the start of the next write.
  IoResult write_some(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second);

  /// Sends close_notify.
  void shut_down();

 private:
  IoResult write_all(std::span<const std::uint8_t> bytes, bool more_follows);
  enum class Call : std::uint8_t { read, write };
  IoResult failure(int returned, Call call);

  SslPtr ssl_;
  bool broken_ = false;  // after a fatal error OpenSSL wants no further call, not even a shutdown
};

}  // namespace mod_ws::transport
