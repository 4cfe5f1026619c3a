// What comes in, and who reads it: see conn_session.h.

#include "mod_ws/handler/conn_session.h"

namespace mod_ws::handler {
namespace {

using protocol::MessageAssembler;
using protocol::Opcode;

/// Of a message that nobody waits for, so much is held; then its sender is not read from.
constexpr std::size_t hold_bytes = 64 << 10;

// Results that are there at once; nullopt is not changed by being moved from.
std::optional<ws::Message> no_message;
std::optional<ws::MessageReader> no_reader;
std::optional<std::string> no_piece;

/// A result that is there at once lives here until the operation takes it, which is the next thing
/// that happens on this thread.
template <class T>
std::optional<T>* at_once(T value) {
  thread_local std::optional<T> result;
  result = std::move(value);
  return &result;
}

}  // namespace

void ConnSession::on_piece(protocol::FramePiece& piece) {
  const auto visit = visit_handler();
  if (is_control(piece.opcode)) return receive_control(piece);
  if (!connection_.closing().may_send_data()) return;  // a message under way when we closed
  written_in_a_row_ = 0;
  const bool is_whole_message =
      piece.starts_frame && piece.ends_message() && piece.opcode != Opcode::continuation;
  if (!incoming_ && is_whole_message && !readers_.empty()) return receive_whole(piece);
  receive_data(piece);
}

/// What nearly every message is: in one piece, and somebody waits for it. It is assembled in
/// passing.
void ConnSession::receive_whole(protocol::FramePiece& piece) {
  MessageAssembler assembler = make_assembler();
  if (assembler.receive(piece) == MessageAssembler::Result::violation)
    return on_violation(assembler.violation());
  readers_.resume_first(assembler.take_message());
}

void ConnSession::receive_data(protocol::FramePiece& piece) {
  if (!incoming_) incoming_ = std::make_unique<Incoming>(Incoming{.assembler = make_assembler()});
  take_incoming(
      incoming_->assembler.receive(piece, readers_.empty() ? hold_bytes : MessageAssembler::all));
  if (!incoming_ || (incoming_->is_dropped && !drop_read_message())) return;
  serve_incoming();
}

MessageAssembler ConnSession::make_assembler() {
  const auto& policy = connection_.policy();
  return MessageAssembler({.max_message_bytes = policy.client_limits.max_message_bytes,
                           .checks_text = policy.validates_messages},
                          compression_ ? &compression_->inflater() : nullptr);
}

void ConnSession::take_incoming(MessageAssembler::Result result) {
  incoming_->is_whole = result == MessageAssembler::Result::message;
  if (result == MessageAssembler::Result::full) connection_.pause_reading();
  if (result == MessageAssembler::Result::violation)
    on_violation(protocol::Violation(incoming_->assembler.violation()));
}

/// Gives what has come to whoever has asked for it; where nobody has, no more is read.
void ConnSession::serve_incoming() {
  if (!incoming_) return;
  if (incoming_->is_read_in_pieces) return serve_piece();
  if (!readers_.empty()) {
    if (!incoming_->is_whole) return;
    const auto whole = std::move(incoming_);
    return readers_.resume_first(whole->assembler.take_message());
  }
  if (!rare_ || rare_->next_readers.empty()) return connection_.pause_reading();
  incoming_->is_read_in_pieces = true;
  rare_->next_readers.resume_first(
      ws::MessageReader(*this, incoming_->assembler.type(), ++rare().message_number));
  if (incoming_ && !someone_reads()) connection_.pause_reading();
}

bool ConnSession::someone_reads() const {
  return !readers_.empty() ||
         (rare_ && (!rare_->next_readers.empty() || !rare_->piece_readers.empty()));
}

void ConnSession::serve_piece() {
  if (!rare_ || rare_->piece_readers.empty()) return connection_.pause_reading();
  auto piece = take_piece();
  if (piece || !incoming_) rare_->piece_readers.resume_first(std::move(piece));
}

/// What there is of the message that is read in pieces; nothing, and the message gone, at its end.
std::optional<std::string> ConnSession::take_piece() {
  if (incoming_->assembler.has_rest() && incoming_->assembler.is_empty())
    take_incoming(incoming_->assembler.go_on(hold_bytes));
  if (!incoming_) return std::nullopt;
  std::string piece = incoming_->assembler.take_piece();
  if (!piece.empty()) return piece;
  if (incoming_->is_whole) incoming_.reset();
  return std::nullopt;
}

/// Another message has been asked for: drops what is left of the one that was read in pieces. True
/// once all of it is.
bool ConnSession::drop_read_message() {
  if (!incoming_ || !incoming_->is_read_in_pieces) return true;
  incoming_->assembler.take_piece();
  incoming_->is_dropped = true;
  while (incoming_ && incoming_->assembler.has_rest()) {
    take_incoming(incoming_->assembler.go_on(hold_bytes));
    if (incoming_) incoming_->assembler.take_piece();
  }
  if (!incoming_ || !incoming_->is_whole) return !incoming_;
  incoming_.reset();
  return true;
}

/// A Close frame has been sent: what counts now is the answer to it.
void ConnSession::stop_receiving() {
  incoming_.reset();
  connection_.resume_reading();
}

// ---- operations

bool ConnSession::start(const Arguments&, Read& read) {
  drop_read_message();
  read.result = &no_message;
  if (incoming_ && incoming_->assembler.has_rest())
    take_incoming(incoming_->assembler.go_on(MessageAssembler::all));
  if (incoming_ && incoming_->is_whole) {
    const auto whole = std::move(incoming_);
    read.result = at_once(whole->assembler.take_message());
    connection_.resume_reading();
    return true;
  }
  if (is_over() && may_fail_again()) return true;
  readers_.push_back(read);
  connection_.resume_reading();
  return false;
}

bool ConnSession::start(const Arguments&, NextReader& next_reader) {
  drop_read_message();
  next_reader.result = &no_reader;
  if (incoming_ && !incoming_->is_dropped) {
    incoming_->is_read_in_pieces = true;
    next_reader.result =
        at_once(ws::MessageReader(*this, incoming_->assembler.type(), ++rare().message_number));
    return true;
  }
  if (is_over() && may_fail_again()) return true;
  rare().next_readers.push_back(next_reader);
  connection_.resume_reading();
  return false;
}

bool ConnSession::start(const Arguments& arguments, ReadPiece& read_piece) {
  read_piece.result = &no_piece;
  const bool is_current = incoming_ && incoming_->is_read_in_pieces && !incoming_->is_dropped &&
                          arguments.number == rare().message_number;
  if (!is_current) return may_fail_again();
  if (auto piece = take_piece()) {
    read_piece.result = at_once(std::move(*piece));
    return true;
  }
  connection_.resume_reading();
  if (!incoming_) return true;  // that was its end
  rare().piece_readers.push_back(read_piece);
  return false;
}

void ConnSession::forget(NextReader& next_reader) noexcept {
  if (rare_) rare_->next_readers.remove(next_reader);
}

void ConnSession::forget(ReadPiece& read_piece) noexcept {
  if (rare_) rare_->piece_readers.remove(read_piece);
}

}  // namespace mod_ws::handler
