#include "mod_ws/protocol/close_frame.h"

#include <algorithm>

#include "mod_ws/protocol/utf8.h"

namespace mod_ws::protocol {

using ws::CloseCode;

bool may_be_sent(CloseCode code) {
  const auto value = static_cast<std::uint16_t>(code);
  return (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) ||
         (value >= 3000 && value <= 4999);
}

std::optional<ws::CloseStatus> parse_close_payload(std::span<const std::uint8_t> payload,
                                                   Violation& violation) {
  if (payload.empty()) return ws::CloseStatus{};
  if (payload.size() == 1) {
    violation = {CloseCode::protocol_error, "close frame of one byte"};
    return std::nullopt;
  }
  const auto code = static_cast<CloseCode>(payload[0] << 8 | payload[1]);
  if (!may_be_sent(code)) {
    violation = {CloseCode::protocol_error, "close code that may not be sent"};
    return std::nullopt;
  }
  const auto reason = payload.subspan(2);
  if (!is_utf8(reason)) {
    violation = {CloseCode::invalid_frame_payload_data, "close reason is not UTF-8"};
    return std::nullopt;
  }
  return ws::CloseStatus{code, std::string(reason.begin(), reason.end())};
}

ClosePayload::ClosePayload(CloseCode code, std::string_view reason) {
  if (!may_be_sent(code)) return;
  const auto value = static_cast<std::uint16_t>(code);
  bytes_[0] = static_cast<std::uint8_t>(value >> 8);
  bytes_[1] = static_cast<std::uint8_t>(value);
  std::size_t length = std::min(reason.size(), bytes_.size() - 2);
  // Not in the middle of a character: step back over its continuation bytes.
  while (length > 0 && length < reason.size() && (reason[length] & 0xC0) == 0x80) --length;
  std::copy_n(reason.begin(), length, &bytes_[2]);
  size_ = 2 + length;
}

}  // namespace mod_ws::protocol
