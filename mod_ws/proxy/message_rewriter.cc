#include "mod_ws/proxy/message_rewriter.h"

#include <array>

namespace mod_ws::proxy {
namespace {

using protocol::MessageStream;
using protocol::Opcode;

Opcode opcode_of(ws::MessageType type, PayloadChange change) {
  const bool is_text = type == ws::MessageType::text || change == PayloadChange::to_base64;
  return is_text ? Opcode::text : Opcode::binary;
}

}  // namespace

MessageRewriter::Result MessageRewriter::send(protocol::FramePiece& piece, const Receiver& to) {
  stream_.give(piece);
  return pump(to);
}

MessageRewriter::Result MessageRewriter::send_rest(const Receiver& to) {
  has_rest_ = false;
  return pump(to);
}

/// What has come is sent one step late: only the next step tells whether it ended the message.
MessageRewriter::Result MessageRewriter::pump(const Receiver& to) {
  std::array<std::uint8_t, protocol::inflate_step_bytes> space;
  std::size_t held = 0;  // at the start of `space`, not sent yet
  Bytes part;
  std::span<std::uint8_t> output;
  while (true) {
    switch (stream_.next(std::span(space).subspan(held), output)) {
      case MessageStream::Result::output:
        if (!stream_.is_compressed()) {
          part = output;
          break;
        }
        held += output.size();
        part = std::span(space).first(held);
        if (held < space.size()) break;
        if (!send_part(part, false, to.connection)) return Result::violation;
        held = 0;
        part = {};
        if (to.connection == nullptr || to.connection->queued_bytes() <= to.max_queued_bytes) break;
        stream_.keep_input(rest_);
        has_rest_ = true;
        return Result::full;
      case MessageStream::Result::need_more:
        return part.empty() || send_part(part, false, to.connection) ? Result::through
                                                                     : Result::violation;
      case MessageStream::Result::message:
        return send_part(part, true, to.connection) ? Result::through : Result::violation;
      case MessageStream::Result::violation:
        violation_ = stream_.violation();
        return Result::violation;
    }
  }
}

bool MessageRewriter::send_part(Bytes part, bool ends_message, connection::Connection* to) {
  if (to == nullptr) return true;
  const auto payload = changed(part, ends_message);
  if (payload) send_changed(*payload, ends_message, *to);
  return payload.has_value();
}

std::optional<MessageRewriter::Bytes> MessageRewriter::changed(Bytes part, bool ends_message) {
  switch (change_) {
    case PayloadChange::none:
      break;
    case PayloadChange::from_base64:
      decoded_.clear();
      if (decoder_.decode(part, decoded_) && (!ends_message || decoder_.finish())) return decoded_;
      violation_ = {ws::CloseCode::invalid_frame_payload_data, "message is not base64"};
      return std::nullopt;
    case PayloadChange::to_base64:
      // A byte stream's messages are whole.
      encoded_ = protocol::encode_base64(part);
      return Bytes(reinterpret_cast<const std::uint8_t*>(encoded_.data()), encoded_.size());
  }
  return part;
}

void MessageRewriter::send_changed(Bytes part, bool ends_message, connection::Connection& to) {
  if (!part_sent_) compresses_ = out_ != nullptr;
  if (compresses_) {
    const auto compressed = compress(part, ends_message);
    // Only a first part can fail to be compressed.
    if (!compressed) compresses_ = false;
    part = compressed.value_or(part);
  }
  part_sent_ = !ends_message;
  // The deflater may have swallowed it for now.
  if (ends_message || !part.empty()) send_frame(part, ends_message, to);
}

std::optional<MessageRewriter::Bytes> MessageRewriter::compress(Bytes part, bool ends_message) {
  const bool is_whole_message = ends_message && !part_sent_;
  return is_whole_message ? out_->compress(part) : out_->compress_part(part, ends_message);
}

void MessageRewriter::send_frame(Bytes payload, bool ends_message, connection::Connection& to) {
  const Opcode opcode = frame_sent_ ? Opcode::continuation : opcode_of(stream_.type(), change_);
  const std::uint8_t rsv = compresses_ && !frame_sent_ ? protocol::rsv1_bit : std::uint8_t{0};
  to.send_frame(opcode, payload, {.fin = ends_message, .rsv = rsv});
  frame_sent_ = !ends_message;
}

}  // namespace mod_ws::proxy
