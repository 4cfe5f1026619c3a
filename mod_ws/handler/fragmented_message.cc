#include "mod_ws/handler/fragmented_message.h"

#include <utility>

#include "mod_ws/handler/bytes.h"

namespace mod_ws::handler {

using protocol::Opcode;

ws::Error FragmentedMessage::send(std::string_view piece, bool ends_message,
                                  connection::Connection& connection) {
  auto payload = bytes_of(piece);
  if (type_ == ws::MessageType::text) {
    auto utf8 = utf8_;
    if (!utf8.receive(payload) || (ends_message && !utf8.is_complete()))
      return ws::Error::Reason::not_utf8;
    utf8_ = utf8;
  }
  if (compression_ != nullptr) {
    const auto compressed = compression_->compress_part(payload, ends_message);
    if (!compressed) compression_ = nullptr;  // no memory, which only the first part can meet
    if (compressed) payload = *compressed;
    // zlib keeps small parts until there are more; an empty fragment would say nothing.
    if (compressed && payload.empty()) return {};
  }
  const bool begins = !std::exchange(has_begun_, true);
  const bool is_compressed = begins && compression_ != nullptr;
  connection.send_frame(
      begins ? static_cast<Opcode>(type_) : Opcode::continuation, payload,
      {.fin = ends_message, .rsv = is_compressed ? protocol::rsv1_bit : std::uint8_t{0}});
  return {};
}

}  // namespace mod_ws::handler
