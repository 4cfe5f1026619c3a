#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/protocol/violation.h"
#include "ws/close_code.h"

namespace mod_ws::protocol {

/// Whether a peer may put `code` into a Close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999 (RFC
/// 6455 7.4).
bool may_be_sent(ws::CloseCode code);

/// Reads the payload of a Close frame, unmasked, at most 125 bytes. An empty one gives 1005. A
/// payload of one byte, a code that may not be sent, or a reason that is not UTF-8 (1007) is a
/// violation, written to `violation`.
std::optional<ws::CloseStatus> parse_close_payload(std::span<const std::uint8_t> payload,
                                                   Violation& violation);

/// The payload of a Close frame, not masked. Empty for the codes that are never sent; a longer
/// reason is cut to 123 bytes, between characters.
class ClosePayload {
 public:
  ClosePayload(ws::CloseCode code, std::string_view reason);
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<std::uint8_t, max_control_payload_bytes> bytes_;
  std::size_t size_ = 0;
};

}  // namespace mod_ws::protocol
