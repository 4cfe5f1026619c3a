#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "mod_ws/base/unique_fd.h"

namespace mod_ws::transport {

/// Where a stream socket can connect to: TCP or UNIX.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  bool is_unix() const { return storage.ss_family == AF_UNIX; }
  /// "192.0.2.7:443", "[2001:db8::1]:443", "/run/app.sock"
  std::string text() const;
};

/// What resolving a name came to.
struct Resolution {
  std::vector<Address> addresses;  ///< In the order to try them; empty when there is an error.
  std::string error;               ///< "Name or service not known"
};

/// The addresses of a host, by getaddrinfo(3). It may block for long, except for an address in
/// figures.
Resolution resolve(const std::string& host, std::uint16_t port);

/// The addresses of a host that is given in figures; none for a name. Never blocks.
std::vector<Address> numeric_addresses(const std::string& host, std::uint16_t port);

/// `path` has at most 107 bytes and no null.
Address unix_address(const std::string& path);

/// A non-blocking socket that connects, or has connected.
struct Connecting {
  base::UniqueFd socket;
  bool is_under_way = false;  ///< Wait until it is writable, then ask connect_error().
  int error = 0;              ///< An errno; 0 unless it has failed already.
};

/// Begins to connect. Never blocks.
Connecting begin_connecting(const Address& address);

/// How it ended, once the socket is writable: an errno, 0 if it is connected.
int connect_error(int fd);

}  // namespace mod_ws::transport
