#pragma once

#include <chrono>
#include <cstdint>

#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/permessage_deflate.h"

namespace mod_ws::connection {

/// What `WebSocketCompression` says.
struct Compression {
  enum class Mode : std::uint8_t {
    off,   ///< No extension is agreed on, or offered to a backend.
    on,    ///< mod_ws deflates and inflates.
    pass,  ///< A relay lets its two sides agree.
  };

  Mode mode = Mode::on;
  protocol::DeflateSettings settings;
  protocol::DeflateEffort effort;
  std::uint64_t min_size_bytes = 64;  ///< Smaller messages are sent as they are: what is saved
                                      ///< would not fill the frame's header.

  bool operator==(const Compression&) const = default;
};

/// What the directives of a location say about its sessions. Immutable; shared by all sessions of
/// the location for the child's life.
struct Policy {
  std::uint64_t max_message_bytes = 0;  ///< 0: any size. Counted per message.
  std::uint64_t max_frame_bytes = 0;    ///< 0: any size. The payload of one data frame.
  std::chrono::milliseconds close_timeout{
      5'000};  ///< From our Close frame to the TCP connection's end.
  std::chrono::milliseconds write_timeout{
      30'000};  ///< For a peer that takes no byte while some wait for it.

  Compression compression{};

  bool operator==(const Policy&) const = default;
};

}  // namespace mod_ws::connection
