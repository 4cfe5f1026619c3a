#include "mod_ws/handler/handler_session.h"

#include <exception>

#include "mod_ws/protocol/close_frame.h"

namespace mod_ws::handler {
namespace {

using base::LogLevel;
using protocol::Opcode;
using ws::CloseCode;

/// A client that does not take this much is waited for: writers are held back, and nothing more is
/// read from it.
constexpr std::size_t high_water_bytes = 64 << 10;
/// A handler that goes on reading after the end of its session is stopped, not spun.
constexpr std::uint16_t max_reads_after_end = 100;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

HandlerSession::HandlerSession(engine::EventLoop& loop, transport::Transport transport,
                               HandlerTerms terms)
    : loop_(loop),
      connection_(loop, std::move(transport),
                  {.role = protocol::Role::server, .max_frame_bytes = terms.policy.max_frame_bytes},
                  terms.policy, *this),
      assembler_(terms.policy.max_message_bytes),
      handler_(terms.handler),
      request_(std::move(terms.request)),
      subprotocol_(std::move(terms.subprotocol)),
      subject_(std::move(terms.subject)),
      already_read_(std::move(terms.already_read)) {}

void HandlerSession::on_adopted() {
  connection_.start(already_read_);
  std::vector<std::uint8_t>().swap(already_read_);
  run_handler();
}

void HandlerSession::run_handler() {
  try {
    task_ = handler_(conn_);
    task_.start(*this);
  } catch (const std::exception& error) {  // no memory for the frame
    base::log(subject_, LogLevel::error, std::string("the handler did not start: ") + error.what());
    task_done_ = true;
    connection_.send_close(CloseCode::internal_error, {});
  }
}

void HandlerSession::go_away() {
  connection_.send_close(CloseCode::going_away, "the server is stopping");
  connection_.resume_reading();  // to see the answer
}

// ---- from the connection

void HandlerSession::on_piece(protocol::FramePiece& piece) {
  if (is_control(piece.opcode)) return receive_control(piece);
  if (!connection_.closing().may_send_data()) return;  // a message under way when we closed
  switch (assembler_.receive(piece)) {
    case protocol::MessageAssembler::Result::need_more:
      return;
    case protocol::MessageAssembler::Result::message:
      return deliver(assembler_.take_message());
    case protocol::MessageAssembler::Result::violation:
      return on_violation(assembler_.violation());
  }
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

void HandlerSession::deliver(ws::Message message) {
  if (!readers_.empty()) return readers_.resume_first(std::move(message));
  inbox_ = std::make_unique<ws::Message>(std::move(message));
  connection_.pause_reading();
}

void HandlerSession::on_violation(const protocol::Violation& violation) {
  base::log(subject_, LogLevel::info, std::string("failed the connection: ") + violation.reason);
  connection_.send_close(violation.code, violation.reason);
  connection_.finish();
  set_over({violation.code, violation.reason});
}

void HandlerSession::on_drained() {
  if (!inbox_) connection_.resume_reading();
  writers_.resume_all({});
}

void HandlerSession::on_ended(const connection::Ending& ending) {
  base::log(subject_, LogLevel::debug, "ended: " + describe(ending));
  set_over({CloseCode::abnormal_closure, describe(ending)});
  retire_if_done();
}

/// The first reason counts.
void HandlerSession::set_over(ws::CloseStatus status) {
  if (!over_) status_ = std::move(status);
  over_ = true;
  inbox_.reset();
  writers_.resume_all(ws::Error::Reason::closed);
  closers_.resume_all(status_);
  readers_.resume_all(std::nullopt);
}

// ---- from the handler

bool HandlerSession::start(State<std::optional<ws::Message>>& read) {
  if (inbox_) {
    read.result = std::move(*inbox_);
    inbox_.reset();
    connection_.resume_reading();
    return true;
  }
  if (over_ && reads_after_end_ < max_reads_after_end) {
    ++reads_after_end_;
    return true;
  }
  if (over_) {
    base::log(subject_, LogLevel::error,
              "the handler reads on after the end of its session, and is stopped");
    task_done_ = true;
    retire_if_done();
  }
  readers_.push_back(read);
  return false;
}

bool HandlerSession::start(State<ws::Error>& write) {
  if (!can_write()) {
    write.result = ws::Error::Reason::closed;
    return true;
  }
  const auto& [type, payload, code] = write.arguments;
  connection_.send_frame(static_cast<Opcode>(type), bytes_of(payload));
  if (connection_.queued_bytes() <= high_water_bytes) return true;
  writers_.push_back(write);
  return false;
}

bool HandlerSession::start(State<ws::CloseStatus>& close) {
  connection_.send_close(close.arguments.code, close.arguments.payload);
  if (over_) {
    close.result = status_;
    return true;
  }
  inbox_.reset();
  connection_.resume_reading();  // to see the answer
  closers_.push_back(close);
  return false;
}

void HandlerSession::on_task_done() noexcept {
  task_done_ = true;
  CloseCode code = CloseCode::normal_closure;
  try {
    task_.take_result();
  } catch (const std::exception& error) {
    code = CloseCode::internal_error;
    base::log(subject_, LogLevel::error, std::string("the handler threw: ") + error.what());
  } catch (...) {
    code = CloseCode::internal_error;
    base::log(subject_, LogLevel::error, "the handler threw something that is no std::exception");
  }
  connection_.send_close(code, {});
  inbox_.reset();
  connection_.resume_reading();  // to see the answer
  retire_if_done();
}

void HandlerSession::retire_if_done() {
  if (task_done_ && connection_.ended()) loop_.retire(*this);
}

}  // namespace mod_ws::handler
