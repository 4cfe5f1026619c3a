#include "mod_ws/protocol/message_assembler.h"

#include <algorithm>
#include <array>

namespace mod_ws::protocol {
namespace {

/// How far ahead of what has come memory is taken for what a frame's header announces.
constexpr std::uint64_t growth = 4;

}  // namespace

MessageAssembler::Result MessageAssembler::receive(FramePiece& piece, std::size_t hold_bytes) {
  if (piece.starts_frame && piece.opcode != Opcode::continuation) payload_.clear();
  payload_left_ = piece.payload_left;
  stream_.give(piece);
  return go_on(hold_bytes);
}

MessageAssembler::Result MessageAssembler::go_on(std::size_t hold_bytes) {
  std::array<std::uint8_t, inflate_step_bytes> space;
  std::span<std::uint8_t> output;
  has_rest_ = false;
  while (true) {
    switch (stream_.next(space, output)) {
      case MessageStream::Result::output:
        append(output, payload_left_);
        break;
      case MessageStream::Result::need_more:
        return Result::need_more;
      case MessageStream::Result::message:
        return Result::message;
      case MessageStream::Result::violation:
        return Result::violation;
    }
    if (!stream_.is_compressed() || payload_.size() < hold_bytes) continue;
    stream_.keep_input(rest_);
    has_rest_ = true;
    return Result::full;
  }
}

/// A header alone costs nothing: memory is taken as bytes come, but in fewer and larger steps where
/// many are announced.
void MessageAssembler::append(std::span<const std::uint8_t> bytes, std::uint64_t announced_bytes) {
  const std::uint64_t needed = payload_.size() + bytes.size();
  if (needed > payload_.capacity() && announced_bytes > 0)
    payload_.reserve(std::min(needed + announced_bytes, needed * growth));
  payload_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace mod_ws::protocol
