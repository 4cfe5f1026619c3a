#include "mod_ws/protocol/message_stream.h"

#include <utility>

namespace mod_ws::protocol {

using ws::CloseCode;
using ws::MessageType;

void MessageStream::give(FramePiece& piece) {
  if (piece.starts_frame && piece.opcode != Opcode::continuation) begin_message(piece);
  piece.unmask();
  ends_message_ = piece.ends_message();
  payload_left_ = piece.payload_left;
  if (is_compressed_) {
    inflater_->give(piece.payload, ends_message_);
  } else {
    payload_ = piece.payload;
  }
}

void MessageStream::begin_message(const FramePiece& piece) {
  type_ = piece.opcode == Opcode::text ? MessageType::text : MessageType::binary;
  received_bytes_ = 0;
  utf8_.reset();
  is_compressed_ = (piece.rsv & rsv1_bit) != 0;
}

MessageStream::Result MessageStream::next(std::span<std::uint8_t> space,
                                          std::span<std::uint8_t>& output) {
  if (is_compressed_) return next_inflated(space, output);
  // A frame that is too large is refused at its header.
  if (check(payload_, std::exchange(payload_left_, 0)) == Result::violation)
    return Result::violation;
  output = std::exchange(payload_, {});
  return output.empty() ? end_piece() : Result::output;
}

MessageStream::Result MessageStream::next_inflated(std::span<std::uint8_t> space,
                                                   std::span<std::uint8_t>& output) {
  switch (inflater_->inflate_some(space, output)) {
    case Inflater::Result::output:
      return check(output, 0);
    case Inflater::Result::finished:
      return end_piece();
    case Inflater::Result::corrupt:
      return refuse(CloseCode::invalid_frame_payload_data,
                    "compressed message is not DEFLATE data");
    case Inflater::Result::no_memory:
      return refuse(CloseCode::try_again_later, "no memory to inflate with");
  }
  return Result::violation;
}

/// `more_to_come`: what is known to follow.
MessageStream::Result MessageStream::check(std::span<const std::uint8_t> bytes,
                                           std::uint64_t more_to_come) {
  const std::uint64_t room = rules_.max_message_bytes - received_bytes_;
  const bool is_too_big = rules_.max_message_bytes != 0 && bytes.size() + more_to_come > room;
  received_bytes_ += bytes.size();
  // What is inflated shows its size only as it comes: the first mistake counts, however it is cut.
  if (is_too_big) bytes = bytes.first(is_compressed_ ? room : 0);
  if (type_ == MessageType::text && rules_.checks_text && !utf8_.receive(bytes))
    return refuse(CloseCode::invalid_frame_payload_data, "text message is not UTF-8");
  if (is_too_big) return refuse(CloseCode::message_too_big, "message above the size limit");
  return Result::output;
}

MessageStream::Result MessageStream::end_piece() {
  if (!ends_message_) return Result::need_more;
  if (type_ == MessageType::text && rules_.checks_text && !utf8_.is_complete()) {
    return refuse(CloseCode::invalid_frame_payload_data, "text message ends inside a character");
  }
  return Result::message;
}

void MessageStream::keep_input(std::vector<std::uint8_t>& kept) {
  if (is_compressed_) return inflater_->keep_input(kept);
  kept.assign(payload_.begin(), payload_.end());
  payload_ = kept;
}

MessageStream::Result MessageStream::refuse(CloseCode code, const char* reason) {
  violation_ = {code, reason};
  return Result::violation;
}

}  // namespace mod_ws::protocol
