#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace ws {

/// Why a session ended: the codes of RFC 6455 7.4.1 and of IANA's "WebSocket Close Code Number
/// Registry". Codes 3000 to 3999 are registered by libraries, 4000 to 4999 are private: cast the
/// number.
enum class CloseCode : std::uint16_t {
  normal_closure = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status_received = 1005,  ///< Never sent: the peer's Close frame was empty.
  abnormal_closure = 1006,    ///< Never sent: the connection ended without a Close frame.
  invalid_frame_payload_data = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  mandatory_extension = 1010,
  internal_error = 1011,
  service_restart = 1012,
  try_again_later = 1013,
  bad_gateway = 1014,
  tls_handshake = 1015,  ///< Never sent: the TLS handshake failed.
};

/// Status code and reason of a Close frame, or of an ending without one (1005, 1006).
struct CloseStatus {
  CloseCode code = CloseCode::no_status_received;
  std::string reason;  ///< Valid UTF-8, at most 123 bytes (RFC 6455 5.5.1).
};

/// Whether a session ended in another way than these: `if (ws::is_unexpected(conn.close_status(),
/// {ws::CloseCode::normal_closure, ws::CloseCode::going_away}))`.
inline bool is_unexpected(const CloseStatus& status, std::initializer_list<CloseCode> expected) {
  return std::find(expected.begin(), expected.end(), status.code) == expected.end();
}

/// The payload of a Close frame with this status, as RFC 6455 5.5.1 has it; empty for
/// no_status_received.
inline std::string serialize_close(const CloseStatus& status) {
  if (status.code == CloseCode::no_status_received) return {};
  const auto code = static_cast<std::uint16_t>(status.code);
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + status.reason;
}

}  // namespace ws
