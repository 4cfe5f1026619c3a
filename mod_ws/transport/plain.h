#pragma once

#include <cstdint>
#include <span>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/transport/io_result.h"

namespace mod_ws::transport {

// What a non-blocking stream socket does, TCP or UNIX.

/// One recv(2).
IoResult receive(int socket, std::span<std::uint8_t> buffer);
/// One system call for both parts; either may be empty.
IoResult send(int socket, std::span<const std::uint8_t> first,
              std::span<const std::uint8_t> second);
/// Tells the peer that nothing more comes; reading goes on.
void end_sending(int socket);

/// Such a socket, without TLS.
class Plain {
 public:
  explicit Plain(base::UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  IoResult read_some(std::span<std::uint8_t> buffer) { return receive(fd(), buffer); }
  IoResult write_some(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second) {
    return send(fd(), first, second);
  }
  void shutdown_write() { end_sending(fd()); }

  /// Closes the socket. Nothing may follow.
  void close() { socket_.reset(); }

  /// Gives the socket away, for TLS to begin on it. Nothing may follow.
  base::UniqueFd take_socket() { return std::move(socket_); }

 private:
  base::UniqueFd socket_;
};

/// Bytes that the kernel has taken for a socket, and that have not arrived at the peer's kernel, or
/// through a UNIX socket at the peer.
std::size_t untaken_bytes(int socket);

}  // namespace mod_ws::transport
