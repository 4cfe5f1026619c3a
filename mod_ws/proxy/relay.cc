#include "mod_ws/proxy/relay.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mod_ws/protocol/close_frame.h"

namespace mod_ws::proxy {
namespace {

using base::LogLevel;
using protocol::Opcode;
using protocol::Role;
using ws::CloseCode;

// What names_ holds.
enum Name : std::size_t { client_address, uri, worker };

}  // namespace

Relay::Relay(engine::EventLoop& loop, transport::Transport client, transport::Transport backend,
             RelayTerms terms)
    : names_{terms.client, terms.uri, terms.worker},
      log_server_(terms.log_server),
      early_(std::make_unique<Early>(
          Early{std::move(terms.already_read_client), std::move(terms.already_read_backend)})),
      client_(loop, std::move(client), Role::server, terms, *this, backend_),
      backend_(loop, std::move(backend), Role::client, terms, *this, client_) {}

void Relay::on_adopted() {
  const auto early = std::move(early_);
  client_.connection_.start(early->client);
  backend_.connection_.start(early->backend);
}

void Relay::go_away() {
  client_.close({CloseCode::going_away, "the server process ends"}, Leg::AfterClose::await_answer);
  backend_.close({CloseCode::going_away, "the relay process ends"}, Leg::AfterClose::await_answer);
}

// ---- one leg

Relay::Leg::Leg(engine::EventLoop& loop, transport::Transport transport, Role role,
                const RelayTerms& terms, Relay& relay, Leg& other)
    : connection_(loop, std::move(transport),
                  {.role = role,
                   .allowed_rsv = terms.allowed_rsv,
                   .max_frame_bytes = terms.policy.max_frame_bytes},
                  terms.policy, *this),
      relay_(relay),
      other_(other) {}

void Relay::Leg::on_piece(protocol::FramePiece& piece) {
  if (piece.opcode == Opcode::close) return receive_close(piece);
  if (!other_.connection_.closing().may_send_data()) return;
  forward(piece.raw);
  if (other_.pending_close_ && piece.ends_frame) {
    forward_run();
    other_.send_pending_close();
  }
}

void Relay::Leg::receive_close(protocol::FramePiece& piece) {
  // Its payload is read from a copy: what is forwarded stays masked.
  std::array<std::uint8_t, protocol::max_control_payload_bytes> copy;
  const auto payload = std::span(copy).first(piece.payload.size());
  std::copy(piece.payload.begin(), piece.payload.end(), payload.begin());
  if (piece.masked) protocol::mask(payload, piece.masking_key);

  protocol::Violation violation{};
  const auto status = protocol::parse_close_payload(payload, violation);
  if (!status) return on_violation(violation);
  received_code_ = status->code;
  connection_.note_close_received();
  if (other_.connection_.closing().may_send_data()) {
    forward(piece.raw);
    forward_run();
    other_.connection_.note_close_sent();
  }
  connection_.discard_input();
  finish_if_complete();
  other_.finish_if_complete();
}

void Relay::Leg::forward(std::span<const std::uint8_t> raw) {
  if (!run_.empty() && run_.data() + run_.size() == raw.data()) {
    run_ = {run_.data(), run_.size() + raw.size()};
    return;
  }
  forward_run();
  run_ = raw;
}

void Relay::Leg::forward_run() {
  if (run_.empty()) return;
  other_.connection_.send_verbatim(std::exchange(run_, {}));
  // The kernel has taken all of it, or this leg waits until it has: at most one read is ever
  // queued.
  if (other_.connection_.queued_bytes() > 0) connection_.pause_reading();
}

void Relay::Leg::close(ws::CloseStatus status, AfterClose after) {
  // A peer that was told Close already, and then breaks the protocol, gets nothing more.
  if (connection_.closing().sent() && after == AfterClose::finish) return connection_.finish();
  if (is_closing() || connection_.ended()) return;
  other_.forward_run();
  pending_close_ = std::make_unique<ws::CloseStatus>(std::move(status));
  after_close_ = after;
  if (!other_.connection_.mid_frame()) send_pending_close();
}

void Relay::Leg::send_pending_close() {
  const auto status = std::move(pending_close_);
  connection_.send_close(status->code, status->reason);
  if (after_close_ == AfterClose::finish) {
    connection_.finish();
  } else {
    connection_.resume_reading();  // to see the answer
  }
}

void Relay::Leg::finish_if_complete() {
  if (connection_.closing().complete()) connection_.finish();
}

void Relay::Leg::on_violation(const protocol::Violation& violation) {
  connection_.discard_input();
  relay_.on_violation(*this, violation);
}

void Relay::Leg::on_ended(const connection::Ending& ending) { relay_.on_leg_ended(*this, ending); }

// ---- both legs

void Relay::on_violation(Leg& offender, const protocol::Violation& violation) {
  log(is_backend(offender) ? LogLevel::warning : LogLevel::info,
      name_of(offender) + " broke the protocol: " + violation.reason);
  Leg& other = other_of(offender);
  offender.close({violation.code, violation.reason}, Leg::AfterClose::finish);
  other.close({CloseCode::going_away, "the other side broke the protocol"},
              Leg::AfterClose::await_answer);
  other.connection_.resume_reading();
}

void Relay::on_leg_ended(Leg& leg, const connection::Ending& ending) {
  Leg& other = other_of(leg);
  const bool expected = leg.is_closing() || leg.received_code();
  if (!expected) log_lost(leg, ending);
  if (leg.connection_.mid_frame() && !other.connection_.closing().sent()) {
    // Half a frame is out, and nothing can follow it but its other half.
    other.connection_.abort();
  } else if (!expected) {
    other.close(is_backend(leg) ? ws::CloseStatus{CloseCode::bad_gateway, "the backend was lost"}
                                : ws::CloseStatus{CloseCode::going_away, "the client was lost"},
                Leg::AfterClose::await_answer);
  } else if (other.received_code()) {
    // This leg went without an answer to the other's Close, which gets its own code back.
    other.close({*other.received_code(), {}}, Leg::AfterClose::finish);
    other.finish_if_complete();
  }
  other.connection_.resume_reading();  // what held it back is gone
  if (!client_.connection_.ended() || !backend_.connection_.ended()) return;
  log(LogLevel::debug, "ended; " + closing_of(client_) + ", " + closing_of(backend_));
  client_.connection_.loop().retire(*this);
}

void Relay::log_lost(const Leg& lost, const connection::Ending& ending) const {
  const char* const where =
      lost.connection_.mid_frame() ? " was lost inside a frame: " : " was lost: ";
  log(is_backend(lost) ? LogLevel::warning : LogLevel::info,
      name_of(lost) + where + describe(ending));
}

/// "the client closed with 1000"
std::string Relay::closing_of(const Leg& leg) const {
  if (!leg.received_code()) return name_of(leg) + " sent no Close";
  return name_of(leg) + " closed with " + std::to_string(static_cast<int>(*leg.received_code()));
}

std::string Relay::name_of(const Leg& leg) const {
  return is_backend(leg) ? "the backend " + std::string(names_[worker]) : "the client";
}

void Relay::log(LogLevel level, std::string_view text) const {
  base::log({log_server_, names_[client_address], names_[uri]}, level, text);
}

}  // namespace mod_ws::proxy
