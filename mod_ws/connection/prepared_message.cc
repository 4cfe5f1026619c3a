#include "mod_ws/connection/prepared_message.h"

#include <array>

#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/protocol/utf8.h"

namespace mod_ws::connection {
namespace {

using Bytes = PreparedMessage::Bytes;

/// Different windows and efforts of one message that are kept; those beyond are sent as they are.
constexpr std::size_t max_variants = 8;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::uint8_t> framed(ws::MessageType type, Bytes payload, std::uint8_t rsv) {
  std::array<std::uint8_t, protocol::max_frame_header_bytes> head;
  const std::size_t head_size = protocol::serialize_frame_header(
      {.payload_length = payload.size(), .opcode = static_cast<protocol::Opcode>(type), .rsv = rsv},
      head);
  std::vector<std::uint8_t> frame;
  frame.reserve(head_size + payload.size());
  frame.insert(frame.end(), head.begin(), head.begin() + static_cast<std::ptrdiff_t>(head_size));
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

}  // namespace

PreparedMessage::PreparedMessage(ws::MessageType message_type, std::string_view message)
    : Prepared(message_type),
      is_valid_(message_type != ws::MessageType::text || protocol::is_utf8(bytes_of(message))),
      frame_(framed(message_type, bytes_of(message), 0)) {
  const auto own = std::span(frame_).last(message.size());
  payload = {reinterpret_cast<const char*>(own.data()), own.size()};
}

Bytes PreparedMessage::compressed_frame(protocol::ZlibPool& pool, int window_bits,
                                        const protocol::DeflateEffort& effort) const {
  const std::lock_guard lock(mutex_);
  for (const Compressed& known : compressed_) {
    if (known.window_bits == window_bits && known.effort == effort)
      return known.frame.empty() ? frame() : known.frame;
  }
  if (compressed_.size() == max_variants) return frame();
  compressed_.reserve(max_variants);
  Compressed& made = compressed_.emplace_back(Compressed{window_bits, effort, {}});
  std::vector<std::uint8_t> deflated;
  protocol::Deflater deflater(pool, window_bits, false, effort);
  if (!deflater.deflate(bytes_of(payload), true, deflated) || deflated.size() >= payload.size())
    return frame();
  made.frame = framed(type, deflated, protocol::rsv1_bit);
  return made.frame;
}

}  // namespace mod_ws::connection
