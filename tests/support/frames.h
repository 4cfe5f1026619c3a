#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mod_ws/protocol/opcode.h"
#include "tests/support/bytes.h"
#include "ws/close_code.h"

namespace mod_ws::tests {

/// The first byte of a frame, and whether it is what a client or a server sends.
struct FrameStart {
  protocol::Role sender = protocol::Role::client;
  protocol::Opcode opcode = protocol::Opcode::text;
  bool fin = true;
  std::uint8_t rsv = 0;
};

inline constexpr std::array<std::uint8_t, 4> test_key{0x37, 0xfa, 0x21, 0x3d};

/// A header with the length in the form asked for: 0, 2 or 8 extended bytes. Written apart from
/// the sources, so that both can be wrong only by chance.
inline Bytes header_with_form(const FrameStart& start, std::uint64_t length, int extended_bytes) {
  Bytes out{static_cast<std::uint8_t>((start.fin ? 0x80 : 0) | start.rsv |
                                      static_cast<int>(start.opcode))};
  const int mask = start.sender == protocol::Role::client ? 0x80 : 0;
  const int form = extended_bytes == 0 ? static_cast<int>(length) : extended_bytes == 2 ? 126 : 127;
  out.push_back(static_cast<std::uint8_t>(mask | form));
  for (int i = extended_bytes - 1; i >= 0; --i)
    out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
  if (mask != 0) out.insert(out.end(), test_key.begin(), test_key.end());
  return out;
}

inline Bytes header(const FrameStart& start, std::uint64_t length) {
  return header_with_form(start, length, length < 126 ? 0 : length < 65536 ? 2 : 8);
}

/// A whole frame; a client's is masked with test_key.
inline Bytes frame(const FrameStart& start, const Bytes& payload) {
  Bytes out = header(start, payload.size());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const bool masked = start.sender == protocol::Role::client;
    out.push_back(static_cast<std::uint8_t>(payload[i] ^ (masked ? test_key[i % 4] : 0)));
  }
  return out;
}

inline Bytes frame(const FrameStart& start, std::string_view payload) {
  return frame(start, bytes_of(payload));
}

inline Bytes close_payload(int code, std::string_view reason = {}) {
  return Bytes{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)} +
         bytes_of(reason);
}

inline Bytes close_frame(protocol::Role sender, int code, std::string_view reason = {}) {
  return frame({.sender = sender, .opcode = protocol::Opcode::close}, close_payload(code, reason));
}

}  // namespace mod_ws::tests
