#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mod_ws::connection {

/// What the directives of a location say about its sessions. Immutable; shared by all sessions of
/// the location for the child's life.
struct Policy {
  std::uint64_t max_message_bytes = 0;  ///< 0: any size. Counted per message.
  std::uint64_t max_frame_bytes = 0;    ///< 0: any size. The payload of one data frame.
  std::chrono::milliseconds close_timeout{
      5'000};  ///< From our Close frame to the TCP connection's end.
  std::chrono::milliseconds write_timeout{
      30'000};  ///< For a peer that takes no byte while some wait for it.

  bool operator==(const Policy&) const = default;
};

}  // namespace mod_ws::connection
