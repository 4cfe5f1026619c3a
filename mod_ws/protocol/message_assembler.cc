#include "mod_ws/protocol/message_assembler.h"

#include <array>

namespace mod_ws::protocol {
namespace {

constexpr std::size_t inflate_step_bytes = 16 << 10;

}  // namespace

MessageAssembler::Result MessageAssembler::receive(FramePiece& piece) {
  if (piece.starts_frame && piece.opcode != Opcode::continuation) payload_.clear();
  std::array<std::uint8_t, inflate_step_bytes> space;
  std::span<std::uint8_t> output;
  stream_.give(piece);
  while (true) {
    switch (stream_.next(space, output)) {
      case MessageStream::Result::output:
        payload_.append(reinterpret_cast<const char*>(output.data()), output.size());
        break;
      case MessageStream::Result::need_more:
        return Result::need_more;
      case MessageStream::Result::message:
        return Result::message;
      case MessageStream::Result::violation:
        return Result::violation;
    }
  }
}

}  // namespace mod_ws::protocol
