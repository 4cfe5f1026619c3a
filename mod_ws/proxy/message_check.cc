#include "mod_ws/proxy/message_check.h"

#include <array>

namespace mod_ws::proxy {
bool MessageCheck::check(protocol::FramePiece& piece) {
  using Result = protocol::MessageStream::Result;
  std::array<std::uint8_t, protocol::inflate_step_bytes> space;
  std::span<std::uint8_t> output;
  stream_.give(piece);
  Result result;
  do {
    result = stream_.next(space, output);
  } while (result == Result::output);
  piece.unmask();  // once more: it is masked again
  return result != Result::violation;
}

}  // namespace mod_ws::proxy
