#include "mod_ws/proxy/leg.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mod_ws/protocol/close_frame.h"

namespace mod_ws::proxy {

using connection::SendQueue;
using protocol::Opcode;

namespace {

/// What has begun below the limit of the WebSocketSendQueue may go beyond it by this factor.
constexpr std::uint64_t max_overrun = 3;

/// On what comes to us in this role.
const protocol::FrameLimits& limits_on(protocol::Role role, const connection::Policy& policy) {
  return role == protocol::Role::server ? policy.client_limits : policy.backend_limits;
}

}  // namespace

Leg::Leg(engine::EventLoop& loop, transport::Transport transport, const Terms& terms, Owner& owner,
         Leg& other)
    : owner_(owner),
      other_(other),
      connection_(loop, std::move(transport),
                  {.role = terms.role,
                   .allowed_rsv = terms.allowed_rsv,
                   .limits_messages = true,
                   .limits = &limits_on(terms.role, terms.connection.policy)},
                  terms.connection, *this),
      // What an extension knows of earlier messages would have a hole, and so would a byte stream.
      may_drop_messages_(terms.allowed_rsv == 0 &&
                         terms.connection.framing == connection::Framing::frames) {}

protocol::MessageRules Leg::message_rules() const {
  const connection::Policy& policy = connection_.policy();
  // A byte stream has no messages to be too large: what comes is cut into some that are not.
  return {.max_message_bytes = connection_.is_byte_stream()
                                   ? 0
                                   : limits_on(connection_.role(), policy).max_message_bytes,
          .checks_text = policy.validates_messages};
}

Leg::Messages& Leg::messages() {
  if (!messages_) messages_ = std::make_unique<Messages>();
  return *messages_;
}

void Leg::check_messages(std::optional<connection::CompressionTerms> agreed) {
  if (agreed) compress(std::move(*agreed));
  auto* const inflater = compression() != nullptr ? &compression()->inflater() : nullptr;
  messages().check = std::make_unique<MessageCheck>(message_rules(), inflater);
}

void Leg::compress(connection::CompressionTerms agreed) {
  messages().compression = std::make_unique<connection::MessageCompression>(
      connection_.loop(), connection_.policy().compression, connection_.role(), std::move(agreed),
      connection_.tally());
}

void Leg::rewrite_messages(PayloadChange change) {
  messages().rewriter = std::make_unique<MessageRewriter>(message_rules(), compression(),
                                                          other_.compression(), change);
  may_drop_messages_ = !connection_.is_byte_stream() && !other_.connection_.is_byte_stream();
}

// ---- receiving

void Leg::on_piece(protocol::FramePiece& piece) {
  if (piece.opcode == Opcode::close) return receive_close(piece);
  if (!other_.connection_.may_send_data()) return answer_if_ping(piece);
  if (!is_control(piece.opcode)) return receive_data(piece);
  if (other_.connection_.is_byte_stream()) return answer_if_ping(piece);
  if (piece.opcode == Opcode::ping && other_.received_code_) return answer_if_ping(piece);
  if (connection_.is_own_pong(piece)) return;
  other_.connection_.note_sent(piece);
  forward(piece.raw);
}

void Leg::on_input_end() {
  forward_run();
  if (compression() != nullptr) compression()->count_inflated();
}

/// The other side is to hear nothing more, has sent its Close or speaks no WebSocket: it cannot
/// answer.
void Leg::answer_if_ping(protocol::FramePiece& piece) {
  if (piece.opcode != Opcode::ping || connection_.queued_bytes() > 0) return;
  piece.unmask();
  if (!other_.is_mid_forward()) return connection_.send_frame(Opcode::pong, piece.payload);
  // RFC 6455 5.5.3: the last of several pings is the one to answer.
  pending().pong.emplace(piece.payload.begin(), piece.payload.end());
}

void Leg::receive_data(protocol::FramePiece& piece) {
  if (piece.starts_frame && piece.opcode != Opcode::continuation) choose_to_drop();
  is_mid_message_ = !piece.ends_message();
  if (rewriter() != nullptr) return rewrite(piece);
  if (messages_ && messages_->check && !messages_->check->check(piece))
    return on_violation(messages_->check->violation());
  if (drops_message_) return;
  other_.connection_.note_sent(piece);
  forward(piece.raw);
  is_mid_forward_ = !piece.ends_frame;
  if (piece.ends_frame && other_.pending_) {
    forward_run();
    other_.send_pending();
  }
}

void Leg::choose_to_drop() {
  const SendQueue& queue = connection_.policy().send_queue;
  drops_message_ = drops_when_full() && other_.connection_.queued_bytes() > queue.limit_bytes;
  if (!drops_message_) return;
  connection_.tally().dropped_messages.add();
  if (++dropped_messages_ == 1) owner_.on_leg_drops(*this);
}

bool Leg::drops_when_full() const {
  return connection_.policy().send_queue.action == SendQueue::Action::drop && may_drop_messages_;
}

void Leg::rewrite(protocol::FramePiece& piece) {
  forward_run();
  act_on(rewriter()->send(piece, receiver()));
}

MessageRewriter::Receiver Leg::receiver() {
  const SendQueue& queue = connection_.policy().send_queue;
  return {.connection = drops_message_ ? nullptr : &other_.connection_,
          .max_queued_bytes = queue.action == SendQueue::Action::wait ? 0 : queue.limit_bytes};
}

void Leg::act_on(MessageRewriter::Result result) {
  if (result == MessageRewriter::Result::violation) return on_violation(rewriter()->violation());
  if (result == MessageRewriter::Result::full) connection_.pause_reading();
  hold_back();
}

void Leg::receive_close(protocol::FramePiece& piece) {
  // Its payload is read from a copy: what is forwarded stays masked.
  std::array<std::uint8_t, protocol::max_control_payload_bytes> copy;
  const auto payload = std::span(copy).first(piece.payload.size());
  std::copy(piece.payload.begin(), piece.payload.end(), payload.begin());
  if (piece.masked) protocol::mask(payload, piece.masking_key);

  protocol::Violation violation{};
  const auto status = protocol::parse_close_payload(payload, violation);
  if (!status) return on_violation(violation);
  received_code_ = status->code;
  has_answered_ = connection_.closing().sent();
  connection_.note_close_received();
  owner_.on_leg_closed(*this);
  if (other_.connection_.is_byte_stream()) {
    other_.connection_.send_close(status->code, {});
    connection_.send_close(status->code, {});
  } else if (other_.connection_.closing().may_send_data()) {
    forward(piece.raw);
    forward_run();
    other_.connection_.note_close_sent();
  }
  connection_.discard_input();
  finish_if_complete();
  other_.finish_if_complete();
}

/// The end of a byte stream is its Close frame.
void Leg::on_peer_finished() {
  received_code_ = ws::CloseCode::normal_closure;
  has_answered_ = connection_.closing().sent();
  connection_.note_close_received();
  owner_.on_leg_closed(*this);
  other_.close({ws::CloseCode::normal_closure, {}}, AfterClose::await_answer);
  finish_if_complete();
}

void Leg::on_violation(const protocol::Violation& violation) {
  connection_.discard_input();
  owner_.on_leg_violation(*this, violation);
}

void Leg::on_due(connection::Due due) {
  if (due != connection::Due::ping) return owner_.on_leg_due(due);
  if (other_.is_mid_forward() || connection_.is_byte_stream()) return connection_.put_off_ping();
  connection_.ping();
}

void Leg::on_ended(const connection::Ending& ending) { owner_.on_leg_ended(*this, ending); }

// ---- forwarding

void Leg::forward(std::span<const std::uint8_t> raw) {
  if (!run_.empty() && run_.data() + run_.size() == raw.data()) {
    run_ = {run_.data(), run_.size() + raw.size()};
    return;
  }
  forward_run();
  run_ = raw;
}

void Leg::forward_run() {
  if (run_.empty()) return;
  other_.connection_.send_verbatim(std::exchange(run_, {}));
  hold_back();
}

/// Without a WebSocketSendQueue, the kernel has taken all of it, or this leg waits until it has: at
/// most one read is ever queued. Where messages are dropped, the rest of a large one that has begun
/// waits too.
void Leg::hold_back() {
  const std::size_t queued = other_.connection_.queued_bytes();
  if (queued == 0) return;
  const SendQueue& queue = connection_.policy().send_queue;
  if (queue.action == SendQueue::Action::wait) return connection_.pause_reading();
  if (queued <= queue.limit_bytes) return;
  if (!drops_when_full()) return owner_.on_leg_too_slow(other_);
  if (!drops_message_ && is_mid_message_ && queued > max_overrun * queue.limit_bytes)
    connection_.pause_reading();
}

/// The other leg takes more.
void Leg::go_on() {
  if (rewriter() != nullptr && rewriter()->has_rest()) {
    act_on(rewriter()->send_rest(receiver()));
    if (rewriter()->has_rest()) return;
  }
  connection_.resume_reading();
}

// ---- closing

void Leg::close(ws::CloseStatus status, AfterClose after) {
  // A peer that was told Close already, and then breaks the protocol, gets nothing more.
  if (connection_.closing().sent() && after == AfterClose::finish) return connection_.finish();
  if (is_closing() || connection_.ended()) return;
  other_.forward_run();
  pending().close = std::move(status);
  pending().after_close = after;
  connection_.start_close_timeout();
  if (!other_.is_mid_forward()) send_pending();
}

/// It is in the way of others, and gets no more: a Close frame only where one can be placed.
void Leg::give_up(ws::CloseStatus status) {
  if (is_closing() || connection_.ended()) return;
  const std::uint64_t limit = connection_.policy().send_queue.limit_bytes;
  if (other_.is_mid_forward() && other_.connection_.frame_bytes_left() > max_overrun * limit) {
    cut_off();
  } else {
    close(std::move(status), AfterClose::finish);
  }
  connection_.hurry();
}

void Leg::cut_off() {
  connection_.finish();
  connection_.note_close_sent();  // though there is none: the peer has nothing to wait for
}

Leg::Pending& Leg::pending() {
  if (!pending_) pending_ = std::make_unique<Pending>();
  return *pending_;
}

void Leg::send_pending() {
  const auto pending = std::move(pending_);
  if (pending->pong) connection_.send_frame(Opcode::pong, *pending->pong);
  if (!pending->close) return;
  connection_.send_close(pending->close->code, pending->close->reason);
  // RFC 6455 7.1.1: the peer may have sent its own before.
  if (pending->after_close == AfterClose::finish || connection_.closing().complete()) {
    connection_.finish();
  } else {
    connection_.resume_reading();  // to see the answer
  }
}

void Leg::finish_if_complete() {
  if (connection_.closing().complete()) connection_.finish();
}

}  // namespace mod_ws::proxy
