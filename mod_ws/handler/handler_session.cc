#include "mod_ws/handler/handler_session.h"

#include <exception>

#include "mod_ws/protocol/close_frame.h"

namespace mod_ws::handler {
namespace {

using base::LogLevel;
using protocol::MessageAssembler;
using protocol::Opcode;
using ws::CloseCode;

// What request_ holds.
enum RequestString : std::size_t { uri, remote_address, user, subprotocol_name };

}  // namespace

HandlerSession::HandlerSession(engine::EventLoop& loop, transport::Transport transport,
                               HandlerTerms terms)
    : connection_(loop, std::move(transport),
                  {.role = protocol::Role::server,
                   .allowed_rsv = terms.compression ? protocol::rsv1_bit : std::uint8_t{0},
                   .limits = &terms.policy.client_limits},
                  terms.policy, *this),
      request_{terms.uri, terms.remote_address, terms.user, terms.subprotocol},
      log_server_(terms.log_server),
      record_(std::move(terms.record)) {
  rare().start = std::make_unique<Start>(
      Start{terms.handler, std::move(terms.already_read), std::move(terms.compression)});
}

void HandlerSession::on_adopted() {
  const auto start = std::move(rare_->start);
  rare_.reset();
  if (start->compression) {
    compression_ = std::make_unique<connection::MessageCompression>(
        connection_.loop(), connection_.policy().compression, protocol::Role::server,
        std::move(*start->compression));
  }
  connection_.start(start->already_read);
  run_handler(start->handler);
}

void HandlerSession::run_handler(ws::HandlerFunction handler) {
  try {
    task_ = handler(*this);
    task_.start(*this);
  } catch (const std::exception& error) {  // no memory for the frame
    log(LogLevel::error, std::string("the handler did not start: ") + error.what());
    task_done_ = true;
    connection_.send_close(CloseCode::internal_error, {});
  }
}

void HandlerSession::go_away() { say_goodbye("the server process ends"); }

void HandlerSession::say_goodbye(std::string_view reason) {
  connection_.send_close(CloseCode::going_away, reason);
  stop_receiving();
}

// ---- from the connection

void HandlerSession::on_piece(protocol::FramePiece& piece) {
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
void HandlerSession::receive_whole(protocol::FramePiece& piece) {
  MessageAssembler assembler = make_assembler();
  if (assembler.receive(piece) == MessageAssembler::Result::violation)
    return on_violation(assembler.violation());
  readers_.resume_first(assembler.take_message());
}

void HandlerSession::receive_data(protocol::FramePiece& piece) {
  if (!incoming_) incoming_ = std::make_unique<Incoming>(Incoming{.assembler = make_assembler()});
  take_incoming(incoming_->assembler.receive(
      piece, readers_.empty() ? high_water_bytes : MessageAssembler::all));
  if (!incoming_ || (incoming_->is_dropped && !drop_read_message())) return;
  serve_incoming();
}

void HandlerSession::take_incoming(MessageAssembler::Result result) {
  incoming_->is_whole = result == MessageAssembler::Result::message;
  if (result == MessageAssembler::Result::full) connection_.pause_reading();
  if (result == MessageAssembler::Result::violation)
    on_violation(protocol::Violation(incoming_->assembler.violation()));
}

/// Gives what has come to whoever has asked for it; where nobody has, no more is read.
void HandlerSession::serve_incoming() {
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

bool HandlerSession::someone_reads() const {
  return !readers_.empty() ||
         (rare_ && (!rare_->next_readers.empty() || !rare_->piece_readers.empty()));
}

void HandlerSession::serve_piece() {
  if (!rare_ || rare_->piece_readers.empty()) return connection_.pause_reading();
  auto piece = take_piece();
  if (piece || !incoming_) rare_->piece_readers.resume_first(std::move(piece));
}

/// What there is of the message that is read in pieces; nothing, and the message gone, at its end.
std::optional<std::string> HandlerSession::take_piece() {
  if (incoming_->assembler.has_rest() && incoming_->assembler.is_empty())
    take_incoming(incoming_->assembler.go_on(high_water_bytes));
  if (!incoming_) return std::nullopt;
  std::string piece = incoming_->assembler.take_piece();
  if (!piece.empty()) return piece;
  if (incoming_->is_whole) incoming_.reset();
  return std::nullopt;
}

/// Another message has been asked for: drops what is left of the one that was read in pieces. True
/// once all of it is.
bool HandlerSession::drop_read_message() {
  if (!incoming_ || !incoming_->is_read_in_pieces) return true;
  incoming_->assembler.take_piece();
  incoming_->is_dropped = true;
  while (incoming_ && incoming_->assembler.has_rest()) {
    take_incoming(incoming_->assembler.go_on(high_water_bytes));
    if (incoming_) incoming_->assembler.take_piece();
  }
  if (!incoming_ || !incoming_->is_whole) return !incoming_;
  incoming_.reset();
  return true;
}

void HandlerSession::receive_control(protocol::FramePiece& piece) {
  piece.unmask();
  if (piece.opcode == Opcode::close) return receive_close(piece.payload);
  if (piece.opcode != Opcode::ping) return;
  connection_.send_frame(Opcode::pong, piece.payload);
  // Whoever pings and does not take the answers gets no further ones.
  if (connection_.queued_bytes() > high_water_bytes) connection_.pause_reading();
}

void HandlerSession::receive_close(std::span<const std::uint8_t> payload) {
  protocol::Violation violation{};
  auto status = protocol::parse_close_payload(payload, violation);
  if (!status) return on_violation(violation);
  connection_.note_close_received();
  connection_.send_close(status->code, {});  // RFC 6455 5.5.1: typically echoes the status code
  connection_.finish();
  set_over(std::move(*status));
}

void HandlerSession::on_violation(const protocol::Violation& violation) {
  log(LogLevel::info, std::string("the client broke the protocol: ") + violation.reason);
  connection_.send_close(violation.code, violation.reason);
  connection_.finish();
  set_over({violation.code, violation.reason});
}

void HandlerSession::on_drained() {
  written_in_a_row_ = 0;
  if (!incoming_ || someone_reads()) connection_.resume_reading();
  if (rare_) rare_->writers.resume_all(ws::Error());
}

void HandlerSession::on_due(connection::Due due) {
  if (due == connection::Due::ping) return connection_.ping();
  say_goodbye(connection::closing_reason(due));
}

void HandlerSession::on_ended(const connection::Ending& ending) {
  log(LogLevel::debug, "ended: " + describe(ending));
  set_over({CloseCode::abnormal_closure, describe(ending)});
  retire_if_done();
}

/// The first reason counts.
void HandlerSession::set_over(ws::CloseStatus status) {
  if (!is_over()) rare().status = std::move(status);
  incoming_.reset();
  rare_->writers.resume_all(ws::Error::Reason::closed);
  rare_->closers.resume_all(*rare_->status);
  rare_->piece_readers.resume_all(std::nullopt);
  rare_->next_readers.resume_all(std::nullopt);
  readers_.resume_all(std::nullopt);
}

/// A Close frame has been sent: what counts now is the answer to it.
void HandlerSession::stop_receiving() {
  incoming_.reset();
  connection_.resume_reading();
}

// ---- the end

void HandlerSession::on_task_done() noexcept {
  task_done_ = true;
  CloseCode code = CloseCode::normal_closure;
  try {
    task_.take_result();
  } catch (const std::exception& error) {
    code = CloseCode::internal_error;
    log(LogLevel::error, std::string("the handler threw: ") + error.what());
  } catch (...) {
    code = CloseCode::internal_error;
    log(LogLevel::error, "the handler threw something that is no std::exception");
  }
  connection_.send_close(code, {});
  stop_receiving();
  retire_if_done();
}

void HandlerSession::retire_if_done() {
  if (task_done_ && connection_.ended()) connection_.loop().retire(*this);
}

protocol::MessageAssembler HandlerSession::make_assembler() {
  const auto& policy = connection_.policy();
  return protocol::MessageAssembler({.max_message_bytes = policy.client_limits.max_message_bytes,
                                     .checks_text = policy.validates_messages},
                                    compression_ ? &compression_->inflater() : nullptr);
}

HandlerSession::Rare& HandlerSession::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

// ---- what is known of the session

ws::Request HandlerSession::request() const {
  return {.uri = request_[uri], .remote_address = request_[remote_address], .user = request_[user]};
}

std::string_view HandlerSession::subprotocol() const { return request_[subprotocol_name]; }

const ws::CloseStatus& HandlerSession::close_status() const {
  static const ws::CloseStatus not_over;
  return is_over() ? *rare_->status : not_over;
}

void HandlerSession::log(LogLevel level, std::string_view text) const {
  base::log({log_server_, request_[remote_address], request_[uri]}, level, text);
}

}  // namespace mod_ws::handler
