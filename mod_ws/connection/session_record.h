#pragma once

#include <cstdint>

namespace mod_ws::connection {

/// Who counts sessions: destroyed with the session it stands for, on the loop's thread or on the
/// one that destroys the loop.
class SessionRecord {
 public:
  virtual ~SessionRecord() = default;

  /// What a relay has received from its two sides, once, right before the end.
  virtual void note_received(std::uint64_t client_bytes, std::uint64_t backend_bytes) = 0;
};

}  // namespace mod_ws::connection
