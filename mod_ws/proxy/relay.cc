#include "mod_ws/proxy/relay.h"

#include <utility>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/engine/contain.h"

namespace mod_ws::proxy {
namespace {

using base::LogLevel;
using connection::SessionRecord;
using metrics::Ender;
using protocol::Role;
using ws::CloseCode;

// What names_ holds.
enum Name : std::size_t { client_address, uri, worker };

const char* fault_in(CloseCode code) {
  switch (code) {
    case CloseCode::protocol_error:
    case CloseCode::invalid_frame_payload_data:
      return "broke the protocol";
    case CloseCode::message_too_big:
    case CloseCode::policy_violation:
      return "went beyond a limit";
    default:
      return "cannot be served";
  }
}

Leg::Terms client_terms(const RelayTerms& terms, SessionRecord* record) {
  return {.role = Role::server,
          .allowed_rsv = terms.client_compression ? protocol::rsv1_bit : terms.allowed_rsv,
          .connection = {.policy = terms.policy,
                         .meter = {*terms.tally, record != nullptr ? &record->client : nullptr}}};
}

Leg::Terms backend_terms(const RelayTerms& terms, SessionRecord* record) {
  using connection::Framing;
  return {.role = Role::client,
          .allowed_rsv = terms.backend_compression ? protocol::rsv1_bit : terms.allowed_rsv,
          .connection = {.policy = terms.policy,
                         .framing = terms.backend_is_byte_stream ? Framing::none : Framing::frames,
                         .meter = {*terms.tally, record != nullptr ? &record->backend : nullptr}}};
}

}  // namespace

Relay::Relay(engine::EventLoop& loop, transport::Transport client, transport::Transport backend,
             RelayTerms terms)
    : names_{terms.client, terms.uri, terms.worker},
      record_(std::move(terms.record)),
      terms_(std::make_unique<RelayTerms>(std::move(terms))),
      client_(loop, std::move(client), client_terms(*terms_, record_.get()), *this, backend_),
      backend_(loop, std::move(backend), backend_terms(*terms_, record_.get()), *this, client_) {}

Relay::~Relay() { end_session(record_.get(), client_.connection(), end_); }

void Relay::on_adopted() {
  set_up_messages();
  const auto terms = std::move(terms_);
  begin_session(record_.get(), *this, client_.connection());
  client_.connection().start(terms->already_read_client);
  backend_.connection().start(terms->already_read_backend);
}

void Relay::set_up_messages() {
  if (terms_->client_compression || terms_->backend_compression || terms_->backend_is_byte_stream) {
    if (terms_->client_compression) client_.compress(std::move(*terms_->client_compression));
    if (terms_->backend_compression) backend_.compress(std::move(*terms_->backend_compression));
    const bool base64 = terms_->client_speaks_base64;
    client_.rewrite_messages(base64 ? PayloadChange::from_base64 : PayloadChange::none);
    backend_.rewrite_messages(base64 ? PayloadChange::to_base64 : PayloadChange::none);
  } else if (terms_->policy.validates_messages) {
    auto& passed = terms_->passed_compression;
    using Terms = std::optional<connection::CompressionTerms>;
    backend_.check_messages(passed ? Terms({.agreed = passed->agreed, .reservation = {}})
                                   : std::nullopt);
    client_.check_messages(std::move(passed));
  }
}

void Relay::go_away(const engine::Farewell& farewell) {
  const ws::CloseStatus status{static_cast<CloseCode>(farewell.close_code),
                               std::string(farewell.reason)};
  end_.note(Ender::server, status.code, farewell.reason);
  client_.close(status, Leg::AfterClose::await_answer);
  backend_.close(status, Leg::AfterClose::await_answer);
}

void Relay::on_leg_closed(const Leg& leg) {
  if (leg.has_answered()) return;
  end_.note(ender_of(leg), *leg.received_code(), "closed by " + name_of(leg));
}

void Relay::on_leg_violation(Leg& offender, const protocol::Violation& violation) {
  const std::string fault = fault_in(violation.code);
  const std::string cause = name_of(offender) + " " + fault + ": " + violation.reason;
  log_trouble(offender, cause);
  end_.note(Ender::server, violation.code, cause);
  Leg& other = other_of(offender);
  offender.close({violation.code, violation.reason}, Leg::AfterClose::finish);
  offender.connection().hurry();
  if (offender.is_mid_forward()) other.cut_off();
  other.close({CloseCode::going_away, "the other side " + fault}, Leg::AfterClose::await_answer);
  other.connection().resume_reading();
}

void Relay::on_leg_too_slow(Leg& leg) {
  if (leg.is_closing()) return;
  const std::string cause =
      name_of(leg) + " takes data too slowly: more than WebSocketSendQueue waits";
  log(LogLevel::info, cause);
  end_.note(Ender::server, CloseCode::policy_violation, cause);
  leg.give_up({CloseCode::policy_violation, "too slow to take what is sent"});
  other_of(leg).close({CloseCode::going_away, "the other side was too slow"},
                      Leg::AfterClose::await_answer);
}

void Relay::on_leg_drops(Leg& leg) {
  log(LogLevel::info,
      name_of(other_of(leg)) + " takes data too slowly: messages for it are dropped");
}

void Relay::on_leg_due(connection::Due due) {
  const std::string reason(connection::closing_reason(due));
  log(LogLevel::info, "closed with 1001: " + reason);
  end_.note(Ender::server, CloseCode::going_away, reason);
  close_both({CloseCode::going_away, reason});
}

void Relay::close_both(ws::CloseStatus status) {
  client_.close(status, Leg::AfterClose::await_answer);
  backend_.close(std::move(status), Leg::AfterClose::await_answer);
}

/// Where memory runs out, what is said of it may be lost; what is done may not.
void Relay::on_leg_ended(Leg& leg, const connection::Ending& ending) {
  Leg& other = other_of(leg);
  const bool expected = leg.is_closing() || leg.received_code();
  engine::contain([&] { note_ended(leg, ending, expected); });
  engine::contain([&] { end_other_of(leg, expected); }, [&] { other.cut_off(); });
  other.connection().resume_reading();  // what held it back is gone
  if (!client_.connection().ended() || !backend_.connection().ended()) return;
  engine::contain([this] { log_end(); });
  client_.connection().loop().retire(*this);
}

void Relay::note_ended(const Leg& leg, const connection::Ending& ending, bool expected) {
  if (!expected || ending.lost_bytes > 0) log_lost(leg, ending);
  if (!expected)
    end_.note(ender_of(leg), CloseCode::abnormal_closure,
              name_of(leg) + " was lost: " + describe(ending));
}

void Relay::end_other_of(const Leg& leg, bool expected) {
  Leg& other = other_of(leg);
  if (leg.is_mid_forward() && !other.connection().closing().sent()) {
    other.cut_off();
  } else if (expected && other.received_code()) {
    // This leg went without an answer to the other's Close, which gets its own code back.
    other.close({*other.received_code(), {}}, Leg::AfterClose::finish);
    other.finish_if_complete();
  } else {
    // Nothing more for one that has got this leg's Close.
    other.close(is_backend(leg) ? ws::CloseStatus{CloseCode::bad_gateway, "the backend was lost"}
                                : ws::CloseStatus{CloseCode::going_away, "the client was lost"},
                Leg::AfterClose::await_answer);
  }
}

void Relay::log_end() const {
  std::string text = "ended; " + closing_of(client_) + ", " + closing_of(backend_);
  const auto dropped = client_.dropped_messages() + backend_.dropped_messages();
  if (dropped > 0) text += ", " + std::to_string(dropped) + " messages dropped for a slow side";
  const bool is_news = dropped > 0 || backend_.connection().is_byte_stream();
  log(is_news ? LogLevel::info : LogLevel::debug, text);
}

void Relay::log_lost(const Leg& lost, const connection::Ending& ending) const {
  const char* const where =
      lost.connection().mid_frame() ? " was lost inside a frame: " : " was lost: ";
  std::string detail;
  if (ending.lost_bytes > 0)
    detail = "; " + std::to_string(ending.lost_bytes) + " bytes that waited for it are lost";
  log_trouble(lost, name_of(lost) + where + describe(ending), detail);
}

/// A backend that ends may take thousands of sessions along, of which one says so to everybody.
void Relay::log_trouble(const Leg& leg, std::string_view trouble, std::string_view detail) const {
  static base::RareLines lines;
  const auto told = is_backend(leg) ? lines.count(trouble) : 0;
  log(told > 0 ? LogLevel::warning : LogLevel::info,
      std::string(trouble).append(detail) + base::more_like_it(told));
}

/// "the client closed with 1000", "the backend answered 1000"
std::string Relay::closing_of(const Leg& leg) const {
  if (leg.connection().is_byte_stream())
    return name_of(leg) + (leg.received_code() ? " ended its stream" : " did not end its stream");
  if (!leg.received_code()) return name_of(leg) + " sent no Close";
  return name_of(leg) + (leg.has_answered() ? " answered " : " closed with ") +
         std::to_string(static_cast<int>(*leg.received_code()));
}

std::string Relay::name_of(const Leg& leg) const {
  return is_backend(leg) ? "the backend " + std::string(names_[worker]) : "the client";
}

metrics::Ender Relay::ender_of(const Leg& leg) const {
  return is_backend(leg) ? Ender::backend : Ender::client;
}

void Relay::on_leg_trace(const Leg& leg, std::string_view frame) {
  log(LogLevel::trace, name_of(leg) + ": " + std::string(frame));
}

void Relay::log(LogLevel level, std::string_view text) const {
  base::log({client_.connection().policy().log_server, names_[client_address], names_[uri]}, level,
            text);
}

}  // namespace mod_ws::proxy
