#include "mod_ws/protocol/message_assembler.h"

#include <array>

namespace mod_ws::protocol {
namespace {

using ws::CloseCode;
using ws::MessageType;

constexpr std::size_t inflate_step_bytes = 16 << 10;

}  // namespace

MessageAssembler::Result MessageAssembler::receive(FramePiece& piece) {
  if (piece.starts_frame && piece.opcode != Opcode::continuation) begin_message(piece);
  const bool ends_message = piece.ends_message();
  piece.unmask();
  const bool taken = is_compressed_ ? inflate(piece.payload, ends_message)
                                    : take(piece.payload, piece.payload_left);
  if (!taken) return Result::violation;
  if (!ends_message) return Result::need_more;
  if (message_.type == MessageType::text && !utf8_.is_complete()) {
    refuse(CloseCode::invalid_frame_payload_data, "text message ends inside a character");
    return Result::violation;
  }
  return Result::message;
}

void MessageAssembler::begin_message(const FramePiece& piece) {
  message_.type = piece.opcode == Opcode::text ? MessageType::text : MessageType::binary;
  message_.payload.clear();
  received_bytes_ = 0;
  utf8_.reset();
  is_compressed_ = (piece.rsv & rsv1_bit) != 0;
}

/// `more_to_come`: what is known to follow, so that a frame that is too large is refused at its
/// header.
bool MessageAssembler::take(std::span<const std::uint8_t> bytes, std::uint64_t more_to_come) {
  received_bytes_ += bytes.size();
  if (max_message_bytes_ != 0 && received_bytes_ + more_to_come > max_message_bytes_) {
    return refuse(CloseCode::message_too_big, "message above the size limit");
  }
  if (message_.type == MessageType::text && !utf8_.receive(bytes)) {
    return refuse(CloseCode::invalid_frame_payload_data, "text message is not UTF-8");
  }
  message_.payload.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return true;
}

bool MessageAssembler::inflate(std::span<const std::uint8_t> payload, bool ends_message) {
  std::array<std::uint8_t, inflate_step_bytes> space;
  std::span<std::uint8_t> output;
  inflater_->give(payload, ends_message);
  while (true) {
    switch (inflater_->inflate_some(space, output)) {
      case Inflater::Result::output:
        if (!take(output, 0)) return false;
        break;
      case Inflater::Result::finished:
        return true;
      case Inflater::Result::corrupt:
        return refuse(CloseCode::invalid_frame_payload_data,
                      "compressed message is not DEFLATE data");
      case Inflater::Result::no_memory:
        return refuse(CloseCode::try_again_later, "no memory to inflate with");
    }
  }
}

bool MessageAssembler::refuse(CloseCode code, const char* reason) {
  violation_ = {code, reason};
  return false;
}

}  // namespace mod_ws::protocol
