#pragma once

#include <cstdint>
#include <span>

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

/// Bytes that the kernel has taken for a socket, and that have not arrived at the peer's kernel, or
/// through a UNIX socket at the peer.
std::size_t untaken_bytes(int socket);

}  // namespace mod_ws::transport
