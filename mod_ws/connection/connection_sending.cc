// What a connection sends, at once or when its peer takes more: see connection.h.

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

#include "mod_ws/connection/connection.h"
#include "mod_ws/protocol/close_frame.h"
#include "mod_ws/protocol/frame_header.h"

namespace mod_ws::connection {
namespace {

using Bytes = std::span<const std::uint8_t>;
using transport::IoResult;
using Cause = Ending::Cause;

/// A payload from this size on goes to the kernel from where it lies; below, copying it is cheaper
/// than a second vector element.
constexpr std::size_t gather_below_bytes = 16 << 10;

}  // namespace

void Connection::send_frame(protocol::Opcode opcode, Bytes payload, FrameBits bits) {
  const bool may_send =
      opcode == protocol::Opcode::pong ? closing_.may_send_pong() : closing_.may_send_data();
  if (!may_send) return;
  if (is_byte_stream() && is_control(opcode)) return;
  meter_.count_sent(role(), opcode, bits.fin);
  if (is_byte_stream()) return send_verbatim(payload);
  if (!is_control(opcode)) deadlines_.on_data(loop_.tick());
  protocol::FrameHeader header{
      .payload_length = payload.size(), .opcode = opcode, .fin = bits.fin, .rsv = bits.rsv};
  if (policy_.traces_frames) backend_.trace("sent " + describe(header));
  if (role() == protocol::Role::client) {
    header.masked = true;
    header.masking_key = loop_.random().next_key();
  }
  std::array<std::uint8_t, protocol::max_frame_header_bytes> head;
  const Bytes head_bytes = Bytes(head).first(serialize_frame_header(header, head));
  auto& gathered = loop_.gather_buffer();
  if (!header.masked && payload.size() >= gather_below_bytes) {
    gathered.flush(*this);
    return write(head_bytes, payload);
  }
  gathered.make_room(*this, head_bytes.size() + payload.size());
  gathered.append(head_bytes);
  const auto copy = gathered.append(payload);
  if (header.masked) protocol::mask(copy, header.masking_key);
}

void Connection::send_serialized(Bytes frame) {
  deadlines_.on_data(loop_.tick());
  meter_.count_sent(role(), protocol::Opcode::binary, true);
  if (policy_.traces_frames) trace_sent(frame);
  if (frame.size() >= gather_below_bytes) return send_verbatim(frame);
  loop_.gather_buffer().make_room(*this, frame.size());
  loop_.gather_buffer().append(frame);
}

void Connection::trace_sent(Bytes frame) {
  protocol::FrameHeader header;
  bool minimal_length = true;
  parse_frame_header(frame, header, minimal_length);
  backend_.trace("sent " + describe(header));
}

void Connection::send_verbatim(Bytes bytes) {
  loop_.gather_buffer().flush(*this);
  write(bytes, {});
}

void Connection::send_close(ws::CloseCode code, std::string_view reason) {
  if (!closing_.may_send_data()) return;
  if (is_byte_stream()) {
    end_writing();
  } else {
    send_frame(protocol::Opcode::close, protocol::ClosePayload(code, reason).bytes());
  }
  note_close_sent();
}

void Connection::note_close_sent() {
  closing_.on_sent();
  start_close_timeout();
}

void Connection::send_gathered(Bytes bytes) { write(bytes, {}); }

void Connection::write(Bytes first, Bytes second) {
  if (state_ != State::open || ends_soon_ || write_shut_) return;
  meter_.count_sent_bytes(role(), first.size() + second.size());
  if (queue_.empty()) {
    const IoResult result = transport_.write_some(first, second);
    if (result.status == IoResult::Status::failed) return end_soon({Cause::failed, result.error});
    const std::size_t of_first = std::min(result.bytes, first.size());
    first = first.subspan(of_first);
    second = second.subspan(result.bytes - of_first);
    if (first.empty() && second.empty()) return;
    deadlines_.on_write_progress(loop_.tick());
    set_deadline_timer();
  }
  if (!enqueue(first, second)) return end_soon({Cause::failed, ENOMEM});
  update_interest();
}

/// False for lack of memory: only this peer's stream has a hole then, whoever it is that sends.
bool Connection::enqueue(Bytes first, Bytes second) {
  const std::size_t before = queue_.size();
  bool is_whole = true;
  try {
    queue_.append(first);
    queue_.append(second);
  } catch (const std::bad_alloc&) {
    is_whole = false;
  }
  meter_.count_queued(role(), queue_.size() - before);
  return is_whole;
}

void Connection::write_queued() {
  if (ended() || queue_.empty()) return;
  const IoResult result = transport_.write_some(queue_.front(), {});
  if (result.status == IoResult::Status::failed) return end_soon({Cause::failed, result.error});
  queue_.consume(result.bytes);
  meter_.count_unqueued(role(), result.bytes);
  if (!queue_.empty()) {
    if (result.bytes > 0) deadlines_.on_write_progress(loop_.tick());
    return;
  }
  deadlines_.on_written(loop_.tick());
  if (deadlines_.is_closing()) set_deadline_timer();
  update_interest();
  if (ends_writing_) return shut_down_write();
  if (state_ == State::open) backend_.on_drained();
}

void Connection::call_drained_soon() {
  if (ended()) return;
  calls_drained_ = true;
  loop_.revisit(*this);
}

}  // namespace mod_ws::connection
