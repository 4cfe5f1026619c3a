#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "mod_ws/protocol/masking.h"
#include "mod_ws/protocol/opcode.h"

namespace mod_ws::protocol {

inline constexpr std::size_t max_frame_header_bytes = 14;
inline constexpr std::size_t max_control_payload_bytes = 125;  // RFC 6455 5.5
inline constexpr std::uint8_t rsv1_bit = 0x40;
inline constexpr std::uint8_t all_rsv_bits = 0x70;

/// What stands before a frame's payload (RFC 6455 5.2).
struct FrameHeader {
  std::uint64_t payload_length = 0;
  MaskingKey masking_key{};  ///< Meaningful when `masked`.
  Opcode opcode = Opcode::continuation;
  bool fin = true;
  bool masked = false;
  std::uint8_t rsv = 0;  ///< The three reserved bits, where they stand in the first byte.
};

/// Reads the header at the start of `input`. Returns its length in bytes, or 0 when `input` is too
/// short to hold it. Accepts whatever is well delimited; what is allowed is the frame parser's
/// question, all but the length's form, which only this function sees: `minimal_length` tells
/// whether the shortest of the three forms was used and the highest bit of a 64-bit length is
/// clear.
std::size_t parse_frame_header(std::span<const std::uint8_t> input, FrameHeader& header,
                               bool& minimal_length);

/// Writes the header in its shortest form; returns its length in bytes.
std::size_t serialize_frame_header(const FrameHeader& header,
                                   std::span<std::uint8_t, max_frame_header_bytes> out);

/// For the log: "text fin rsv1, 125 bytes".
std::string describe(const FrameHeader& header);

}  // namespace mod_ws::protocol
