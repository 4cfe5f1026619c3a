#pragma once

#include <span>
#include <utility>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/transport/plain.h"
#include "mod_ws/transport/tls.h"

namespace mod_ws::transport {

/// A connection's byte stream: a non-blocking socket, TCP or UNIX, with TLS on it or without. There
/// are very many, so it is small.
class Transport {
 public:
  explicit Transport(base::UniqueFd socket) : socket_(std::move(socket)) {}
  /// With TLS whose handshake is done.
  Transport(base::UniqueFd socket, SslPtr ssl)
      : tls_(socket.get(), std::move(ssl)), socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  IoResult read_some(std::span<std::uint8_t> buffer) {
    return tls_ ? tls_.read_some(buffer) : receive(fd(), buffer);
  }

  /// Either part may be empty. What TLS has refused must be offered again, at the start of the next
  /// write.
  IoResult write_some(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second) {
    return tls_ ? tls_.write_some(first, second) : send(fd(), first, second);
  }

  /// Tells the peer that nothing more comes; reading goes on.
  void shutdown_write() {
    if (tls_) tls_.shut_down();
    end_sending(fd());
  }

  /// Gives the socket away, for TLS to begin on it. Nothing may follow.
  base::UniqueFd take_socket() { return std::move(socket_); }

  /// Closes the socket. Nothing may follow.
  void close() {
    tls_ = TlsStream();
    socket_.reset();
  }

 private:
  [[no_unique_address]] TlsStream tls_;  // socket_ lies in its padding
  base::UniqueFd socket_;
};

}  // namespace mod_ws::transport
