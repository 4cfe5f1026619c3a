#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mod_ws::connection {

/// How a connection came to its end.
struct Ending {
  enum class Cause : std::uint8_t {
    finished,       ///< After Connection::finish(), as intended.
    peer_ended,     ///< The peer closed its TCP side.
    failed,         ///< A system or TLS error: `error`.
    close_timeout,  ///< The peer did not complete the closing handshake in time.
    write_timeout,  ///< The peer took no byte for too long.
    pong_timeout,   ///< The peer was silent, and then did not answer a ping.
  };

  Cause cause;
  int error = 0;               ///< An errno; 0 for a TLS error.
  std::size_t lost_bytes = 0;  ///< That were queued for the peer, and not taken.
};

/// For the log: "connection reset by peer".
std::string describe(const Ending& ending);

}  // namespace mod_ws::connection
