#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdexcept>
#include <string>

#include "mod_ws/base/unique_fd.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A server's socket; whoever connects is accepted by the test itself.
class Listener {
 public:
  /// On a free port of 127.0.0.1.
  explicit Listener(int backlog = 8) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    listen_at(reinterpret_cast<sockaddr*>(&address), sizeof address, backlog);
    socklen_t size = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  /// On a UNIX socket.
  explicit Listener(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listen_at(reinterpret_cast<sockaddr*>(&address), sizeof address, 8);
  }

  std::uint16_t port() const { return port_; }
  /// "127.0.0.1:40123"
  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }

  /// The next connection; throws when none comes.
  Peer accept() {
    pollfd poll{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const auto time = std::chrono::milliseconds(patience).count();
    if (::poll(&poll, 1, static_cast<int>(time)) <= 0) throw std::runtime_error("nobody connects");
    return Peer(base::UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

  /// Somebody has connected and has not been accepted.
  bool has_waiting() const {
    pollfd poll{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  }

  void close() { socket_.reset(); }

 private:
  void listen_at(const sockaddr* address, socklen_t size, int backlog) {
    if (::bind(socket_.get(), address, size) != 0 || ::listen(socket_.get(), backlog) != 0)
      throw std::runtime_error("listen");
  }

  base::UniqueFd socket_;
  std::uint16_t port_ = 0;
};

/// A port of 127.0.0.1 on which nobody listens.
inline std::uint16_t closed_port() { return Listener().port(); }

}  // namespace mod_ws::tests
