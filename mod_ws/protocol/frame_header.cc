#include "mod_ws/protocol/frame_header.h"

#include <algorithm>

namespace mod_ws::protocol {
namespace {

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_is_16_bits = 126;
constexpr std::uint8_t length_is_64_bits = 127;

std::uint64_t read_big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

void write_big_endian(std::uint64_t value, std::span<std::uint8_t> bytes) {
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8) {
    *byte = static_cast<std::uint8_t>(value);
  }
}

constexpr std::size_t extended_length_bytes(std::uint8_t short_length) {
  return short_length == length_is_16_bits ? 2 : short_length == length_is_64_bits ? 8 : 0;
}

constexpr bool is_minimal(std::uint64_t length, std::size_t extended_bytes) {
  if (extended_bytes == 2) return length >= 126;
  if (extended_bytes == 8) return length > 0xFFFF && length >> 63 == 0;
  return true;
}

}  // namespace

std::size_t parse_frame_header(std::span<const std::uint8_t> input, FrameHeader& header,
                               bool& minimal_length) {
  if (input.size() < 2) return 0;
  const std::uint8_t first = input[0];
  const std::uint8_t second = input[1];
  const std::uint8_t short_length = second & 0x7F;
  const std::size_t extended_bytes = extended_length_bytes(short_length);
  const bool masked = (second & mask_bit) != 0;
  const std::size_t size = 2 + extended_bytes + (masked ? 4 : 0);
  if (input.size() < size) return 0;

  header.fin = (first & fin_bit) != 0;
  header.rsv = first & all_rsv_bits;
  header.opcode = static_cast<Opcode>(first & 0x0F);
  header.masked = masked;
  header.payload_length =
      extended_bytes == 0 ? short_length : read_big_endian(input.subspan(2, extended_bytes));
  minimal_length = is_minimal(header.payload_length, extended_bytes);
  if (masked) std::copy_n(&input[size - 4], 4, header.masking_key.begin());
  return size;
}

std::size_t serialize_frame_header(const FrameHeader& header,
                                   std::span<std::uint8_t, max_frame_header_bytes> out) {
  const std::uint64_t length = header.payload_length;
  const std::uint8_t short_length = length < 126       ? static_cast<std::uint8_t>(length)
                                    : length <= 0xFFFF ? length_is_16_bits
                                                       : length_is_64_bits;
  const std::size_t extended_bytes = extended_length_bytes(short_length);
  out[0] = static_cast<std::uint8_t>((header.fin ? fin_bit : 0) | header.rsv |
                                     static_cast<unsigned>(header.opcode));
  out[1] = static_cast<std::uint8_t>((header.masked ? mask_bit : 0) | short_length);
  write_big_endian(length, out.subspan(2, extended_bytes));
  std::size_t size = 2 + extended_bytes;
  if (header.masked) {
    std::copy_n(header.masking_key.begin(), 4, &out[size]);
    size += 4;
  }
  return size;
}

namespace {

const char* name_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::continuation:
      return "continuation";
    case Opcode::text:
      return "text";
    case Opcode::binary:
      return "binary";
    case Opcode::close:
      return "close";
    case Opcode::ping:
      return "ping";
    case Opcode::pong:
      return "pong";
  }
  return "reserved";
}

}  // namespace

std::string describe(const FrameHeader& header) {
  std::string text = name_of(header.opcode);
  if (header.fin) text += " fin";
  for (unsigned number = 1, bit = rsv1_bit; number <= 3; ++number, bit >>= 1) {
    if ((header.rsv & bit) != 0) text.append(" rsv").append(std::to_string(number));
  }
  return text.append(", ").append(std::to_string(header.payload_length)).append(" bytes");
}

}  // namespace mod_ws::protocol
