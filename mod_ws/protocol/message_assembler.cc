#include "mod_ws/protocol/message_assembler.h"

namespace mod_ws::protocol {

using ws::CloseCode;
using ws::MessageType;

MessageAssembler::Result MessageAssembler::receive(FramePiece& piece) {
  if (piece.starts_frame && piece.opcode != Opcode::continuation) {
    message_.type = piece.opcode == Opcode::text ? MessageType::text : MessageType::binary;
    message_.payload.clear();
    utf8_.reset();
  }
  const std::uint64_t size = message_.payload.size() + piece.payload.size() + piece.payload_left;
  if (max_message_bytes_ != 0 && size > max_message_bytes_) {
    return refuse(CloseCode::message_too_big, "message above the size limit");
  }
  piece.unmask();
  const bool is_text = message_.type == MessageType::text;
  if (is_text && !utf8_.receive(piece.payload)) {
    return refuse(CloseCode::invalid_frame_payload_data, "text message is not UTF-8");
  }
  message_.payload.append(reinterpret_cast<const char*>(piece.payload.data()),
                          piece.payload.size());
  if (!piece.ends_message()) return Result::need_more;
  if (is_text && !utf8_.is_complete()) {
    return refuse(CloseCode::invalid_frame_payload_data, "text message ends inside a character");
  }
  return Result::message;
}

MessageAssembler::Result MessageAssembler::refuse(CloseCode code, const char* reason) {
  violation_ = {code, reason};
  return Result::violation;
}

}  // namespace mod_ws::protocol
