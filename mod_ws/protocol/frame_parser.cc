#include "mod_ws/protocol/frame_parser.h"

#include <algorithm>

namespace mod_ws::protocol {

namespace {

using ws::CloseCode;

constexpr Violation reserved_opcode{CloseCode::protocol_error, "reserved opcode"};
constexpr Violation reserved_bit{CloseCode::protocol_error, "reserved bit set"};
constexpr Violation masked_by_server{CloseCode::protocol_error, "masked frame from a server"};
constexpr Violation unmasked_by_client{CloseCode::protocol_error, "unmasked frame from a client"};
constexpr Violation length_not_minimal{CloseCode::protocol_error,
                                       "frame length not in its shortest form"};
constexpr Violation fragmented_control{CloseCode::protocol_error, "fragmented control frame"};
constexpr Violation long_control{CloseCode::protocol_error, "control frame above 125 bytes"};
constexpr Violation compressed_control{CloseCode::protocol_error, "compressed control frame"};
constexpr Violation compressed_continuation{CloseCode::protocol_error,
                                            "compression bit on a continuation frame"};
constexpr Violation frame_too_big{CloseCode::message_too_big, "frame above the size limit"};
constexpr Violation message_too_big{CloseCode::message_too_big, "message above the size limit"};
constexpr Violation too_many_fragments{CloseCode::message_too_big,
                                       "message in more fragments than allowed"};
constexpr Violation nothing_to_continue{CloseCode::protocol_error,
                                        "continuation frame without a message to continue"};
constexpr Violation message_not_ended{CloseCode::protocol_error,
                                      "new message before the last one ended"};

constexpr std::uint64_t above_every_limit = std::uint64_t{1} << 63;

}  // namespace

FrameParser::Result FrameParser::next(std::span<std::uint8_t>& input, FramePiece& piece) {
  if (input.empty()) return Result::need_more;
  return mid_frame() ? continue_frame(input, piece) : start_frame(input, piece);
}

FrameParser::Result FrameParser::start_frame(std::span<std::uint8_t>& input, FramePiece& piece) {
  FrameHeader header;
  bool minimal_length = true;
  const std::size_t header_size = parse_frame_header(input, header, minimal_length);
  if (header_size == 0) return Result::need_more;
  if (!check(header, minimal_length)) return Result::violation;

  const std::size_t available = input.size() - header_size;
  // A control frame is small, and comes whole: whoever answers it sees all of its payload.
  if (is_control(header.opcode) && available < header.payload_length) return Result::need_more;
  const auto here =
      static_cast<std::size_t>(std::min<std::uint64_t>(available, header.payload_length));

  piece.raw = input.first(header_size + here);
  piece.payload = piece.raw.subspan(header_size);
  piece.masking_key = header.masking_key;
  piece.opcode = header.opcode;
  piece.fin = header.fin;
  piece.masked = header.masked;
  piece.rsv = header.rsv;
  piece.starts_frame = true;
  piece.payload_left = header.payload_length - here;
  piece.ends_frame = piece.payload_left == 0;

  input = input.subspan(piece.raw.size());
  if (is_control(header.opcode)) return Result::piece;
  in_message_ = !header.fin;
  if (piece.ends_frame) return Result::piece;
  open_frame_ = header;
  open_frame_.payload_length = piece.payload_left;
  open_frame_.masking_key = rotated(header.masking_key, here);
  return Result::piece;
}

FrameParser::Result FrameParser::continue_frame(std::span<std::uint8_t>& input, FramePiece& piece) {
  const auto here =
      static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), open_frame_.payload_length));
  piece.raw = piece.payload = input.first(here);
  piece.masking_key = open_frame_.masking_key;
  piece.opcode = open_frame_.opcode;
  piece.fin = open_frame_.fin;
  piece.masked = open_frame_.masked;
  piece.rsv = open_frame_.rsv;
  piece.starts_frame = false;
  piece.payload_left = open_frame_.payload_length - here;
  piece.ends_frame = piece.payload_left == 0;

  input = input.subspan(here);
  open_frame_.payload_length = piece.payload_left;
  open_frame_.masking_key = rotated(open_frame_.masking_key, here);
  return Result::piece;
}

bool FrameParser::check(const FrameHeader& header, bool minimal_length) {
  if (!is_defined(header.opcode)) return refuse(reserved_opcode);
  if ((header.rsv & ~allowed_rsv_) != 0) {
    return refuse(reserved_bit);
  }
  // RFC 6455 5.1
  if (header.masked != (role_ == Role::server)) {
    return refuse(header.masked ? masked_by_server : unmasked_by_client);
  }
  if (!minimal_length) return refuse(length_not_minimal);
  if (is_control(header.opcode)) {
    // RFC 6455 5.5
    if (!header.fin) return refuse(fragmented_control);
    if (header.payload_length > max_control_payload_bytes) {
      return refuse(long_control);
    }
    // RFC 7692 6.1: "compressed" is said once, on a message's first frame.
    if ((header.rsv & rsv1_bit) != 0) return refuse(compressed_control);
    return true;
  }
  if (header.opcode == Opcode::continuation && (header.rsv & rsv1_bit) != 0) {
    return refuse(compressed_continuation);
  }
  return check_sequence(header.opcode) && check_limits(header);
}

bool FrameParser::check_sequence(Opcode opcode) {
  // RFC 6455 5.4
  if (opcode == Opcode::continuation && !in_message_) {
    return refuse(nothing_to_continue);
  }
  if (opcode != Opcode::continuation && in_message_) {
    return refuse(message_not_ended);
  }
  return true;
}

bool FrameParser::check_limits(const FrameHeader& header) {
  const bool begins = header.opcode != Opcode::continuation;
  fragments_ = begins ? 1 : fragments_ + 1;
  // A frame's length is below 2^63, so that the sum cannot wrap around.
  message_bytes_ =
      (begins ? 0 : std::min(message_bytes_, above_every_limit)) + header.payload_length;
  if (limits_.max_frame_bytes != 0 && header.payload_length > limits_.max_frame_bytes)
    return refuse(frame_too_big);
  if (limits_.max_fragments != 0 && fragments_ > limits_.max_fragments)
    return refuse(too_many_fragments);
  if (limits_messages_ && limits_.max_message_bytes != 0 &&
      message_bytes_ > limits_.max_message_bytes) {
    return refuse(message_too_big);
  }
  return true;
}

bool FrameParser::refuse(const Violation& violation) {
  violation_ = &violation;
  return false;
}

}  // namespace mod_ws::protocol
