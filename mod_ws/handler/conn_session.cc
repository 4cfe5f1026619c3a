#include "mod_ws/handler/conn_session.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "mod_ws/engine/contain.h"
#include "mod_ws/handler/bytes.h"
#include "mod_ws/handler/fragmented_message.h"
#include "mod_ws/handler/read_deadline.h"
#include "mod_ws/handler/session_sender.h"
#include "mod_ws/handler/session_subscription.h"
#include "mod_ws/handler/sibling.h"
#include "mod_ws/protocol/close_frame.h"
#include "mod_ws/protocol/header_list.h"
#include "mod_ws/protocol/utf8.h"

namespace mod_ws::handler {
namespace {

using base::LogLevel;
using metrics::Ender;
using protocol::Opcode;
using ws::CloseCode;

/// Reads and writes that a handler and its siblings may try after the end of the session. Some
/// finish a long list before they look; whoever goes on beyond is stopped, not spun.
constexpr std::uint16_t max_failures = 10'000;

}  // namespace

ConnSession::ConnSession(engine::EventLoop& loop, transport::Transport transport,
                         const protocol::FrameRules& rules,
                         const connection::Connection::Terms& terms, base::PackedStrings request)
    : connection_(loop, std::move(transport), rules, terms, *this), request_(std::move(request)) {}

ConnSession::~ConnSession() { leave_loop(); }

void ConnSession::leave_loop() {
  // Their operations are forgotten while there is something to forget.
  if (rare_) rare_->siblings.clear();
  connection_.abort();
  incoming_.reset();
  if (rare_) {
    if (rare_->sender) rare_->sender->detach();
    rare_->outgoing.reset();
    rare_->subscriptions.clear();
    rare_->read_deadline.reset();
  }
  compression_.reset();
}

void ConnSession::begin(std::span<const std::uint8_t> already_read,
                        std::optional<connection::CompressionTerms> compression) {
  if (compression) {
    compression_ = std::make_unique<connection::MessageCompression>(
        connection_.loop(), connection_.policy().compression, connection_.role(),
        std::move(*compression), connection_.tally());
  }
  connection_.start(already_read);
}

ConnSession::Rare& ConnSession::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

// ---- from the connection

void ConnSession::receive_control(protocol::FramePiece& piece) {
  if (piece.opcode == Opcode::pong && connection_.is_own_pong(piece)) return;
  piece.unmask();
  if (piece.opcode == Opcode::close) return receive_close(piece.payload);
  if (piece.opcode == Opcode::pong) return receive_pong(piece);
  connection_.send_frame(Opcode::pong, piece.payload);
  // Whoever pings and does not take the answers gets no further ones.
  if (connection_.queued_bytes() > high_water_bytes()) connection_.pause_reading();
  if (rare_) tell(rare_->on_ping, text_of(piece.payload));
}

void ConnSession::tell(const ControlObserver& observer, std::string_view payload) {
  if (!observer) return;
  const ControlObserver called = observer;  // it may set another one
  try {
    called(payload);
  } catch (...) {
    fail_with_exception("an observer of the handler's");
  }
}

void ConnSession::on_input_end() {
  if (compression_) compression_->count_inflated();
}

void ConnSession::receive_close(Bytes payload) {
  protocol::Violation violation{};
  auto status = protocol::parse_close_payload(payload, violation);
  if (!status) return on_violation(violation);
  note_end(Ender::client, status->code, "closed by the client");
  connection_.note_close_received();
  connection_.send_close(status->code, {});  // RFC 6455 5.5.1: typically echoes the status code
  connection_.finish();
  set_over(std::move(*status));
}

void ConnSession::on_violation(const protocol::Violation& violation) {
  const auto visit = visit_handler();
  log(LogLevel::info, std::string("the peer broke the protocol: ") + violation.reason);
  note_end(Ender::server, violation.code,
           std::string("the client broke the protocol: ") + violation.reason);
  connection_.send_close(violation.code, violation.reason);
  connection_.finish();
  connection_.hurry();
  set_over({violation.code, violation.reason});
}

void ConnSession::on_drained() {
  const auto visit = visit_handler();
  written_in_a_row_ = 0;
  if (!incoming_ || someone_reads()) connection_.resume_reading();
  if (!rare_) return;
  if (rare_->sender) rare_->sender->note_queued(0);
  rare_->writers.resume_all();
}

void ConnSession::on_due(connection::Due due) {
  if (due == connection::Due::ping) return connection_.ping();
  say_goodbye(connection::closing_reason(due));
}

void ConnSession::on_ended(const connection::Ending& ending) {
  const auto visit = visit_handler();
  std::string cause;
  // What is said of it may be lost where memory has run out; what is done may not.
  engine::contain([&] {
    cause = describe(ending);
    log(LogLevel::debug, "ended: " + cause);
    note_end(Ender::client, CloseCode::abnormal_closure, "the client was lost: " + cause);
  });
  engine::contain(
      [&] {
        set_over({CloseCode::abnormal_closure, std::move(cause)}, ending.lost_bytes > 0);
      },
      [this] { on_stuck(); });
  on_connection_ended();
}

// ---- the end

void ConnSession::close_now(CloseCode code, std::string_view reason) {
  note_end(Ender::server, code, reason.empty() ? "closed by the server" : reason);
  connection_.send_close(code, reason);
  stop_receiving();
}

void ConnSession::say_goodbye(std::string_view reason) { close_now(CloseCode::going_away, reason); }

void ConnSession::end_reading(std::string_view reason) {
  const auto visit = visit_handler();
  say_goodbye(reason);
  set_over({CloseCode::going_away, std::string(reason)});
}

void ConnSession::fail_with_exception(const char* who) {
  std::string what = "something that is no std::exception";
  try {
    throw;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {  // it has no words
  }
  const std::string cause = std::string(who) + " threw: " + what;
  log(LogLevel::error, cause);
  note_end(Ender::server, CloseCode::internal_error, cause);
  close_now(CloseCode::internal_error, {});
}

/// A result that is there at once; it is copied.
ws::Error& ConnSession::closed_error() {
  static ws::Error error = ws::Error::Reason::closed;
  return error;
}

/// The first reason counts.
void ConnSession::set_over(ws::CloseStatus status, bool queue_is_lost) {
  auto& rare = this->rare();
  if (!rare.status) rare.status = std::move(status);
  if (rare.sender) rare.sender->detach();
  rare.subscriptions.clear();
  rare.read_deadline.reset();
  incoming_.reset();
  // Nothing of these was sent, or answered; the other writers' messages are on their way.
  const auto fail = [&](Write& write) {
    write.result = &closed_error();
    rare.writers.push_back(write);
  };
  for (const Held& held : std::exchange(rare.held, {})) {
    if (held.waiter != nullptr) fail(*held.waiter);
  }
  for (const SentPing& ping : std::exchange(rare.pings, {})) fail(*ping.waiter);
  if (queue_is_lost) {
    rare.writers.resume_all(ws::Error::Reason::closed);
  } else {
    rare.writers.resume_all();
  }
  rare.closers.resume_all(*rare.status);
  rare.piece_readers.resume_all(std::nullopt);
  rare.next_readers.resume_all(std::nullopt);
  readers_.resume_all(std::nullopt);
}

/// A handler that goes on after the end of its session is told so a few times, and then gets no
/// answer any more.
bool ConnSession::may_fail_again() {
  if (failures_ < max_failures) {
    ++failures_;
    return true;
  }
  on_stuck();
  return false;
}

void ConnSession::close_by_handler(CloseCode code, std::string_view reason) {
  const bool has_text = protocol::is_utf8(bytes_of(reason));
  if (!has_text || !protocol::may_be_sent(code)) {
    log(LogLevel::error,
        "the handler closes with " + std::to_string(static_cast<int>(code)) +
            (has_text ? ", which may not be sent" : " and a reason that is not UTF-8"));
  }
  if (!has_text) reason = {};
  note_end(
      Ender::server, code,
      reason.empty() ? "closed by the handler" : "closed by the handler: " + std::string(reason));
  close_now(code, reason);
}

bool ConnSession::start(const Arguments& arguments, Close& close) {
  close_by_handler(arguments.code, arguments.payload);
  if (is_over()) {
    close.result = &*rare_->status;
    return true;
  }
  rare().closers.push_back(close);
  return false;
}

void ConnSession::forget(Close& close) noexcept {
  if (rare_) rare_->closers.remove(close);
}

const connection::SessionEnd& ConnSession::session_end() const {
  static const connection::SessionEnd not_noted;
  return rare_ ? rare_->end : not_noted;
}

const ws::CloseStatus& ConnSession::close_status() const {
  static const ws::CloseStatus not_over;
  return is_over() ? *rare_->status : not_over;
}

// ---- channels, siblings, senders, deadlines

void ConnSession::subscribe(std::string_view channel) {
  auto& subscriptions = rare().subscriptions;
  const bool is_known = std::any_of(subscriptions.begin(), subscriptions.end(),
                                    [&](const auto& known) { return known->channel() == channel; });
  if (is_known || is_over()) return;
  auto& channels = connection_.loop().local<channels::LoopChannels>();
  subscriptions.push_back(std::make_unique<SessionSubscription>(channels, channel, *this));
}

void ConnSession::unsubscribe(std::string_view channel) {
  std::erase_if(rare().subscriptions,
                [&](const auto& known) { return known->channel() == channel; });
}

void ConnSession::spawn(ws::Task<> task) {
  auto& siblings = rare().siblings;
  drop_done_siblings();
  siblings.push_back(std::make_unique<Sibling>(*this, std::move(task)));
  siblings.back()->start();
}

void ConnSession::drop_done_siblings() {
  if (rare_) std::erase_if(rare_->siblings, [](const auto& sibling) { return sibling->is_done(); });
}

ws::Sender ConnSession::sender() {
  auto& sender = rare().sender;
  if (!sender) {
    sender = std::make_shared<SessionSender>(*this, connection_.loop(),
                                             connection_.policy().send_queue.limit_bytes);
    if (is_over()) sender->detach();
  }
  return ws::Sender(sender);
}

void ConnSession::set_compression_level(int level) {
  if (compression_) compression_->set_level(std::clamp(level, 1, 9));
}

void ConnSession::set_read_deadline(std::chrono::milliseconds time) {
  auto& deadline = rare().read_deadline;
  deadline.reset();
  if (time == std::chrono::milliseconds::zero() || is_over()) return;
  deadline = std::make_unique<ReadDeadline>(*this);
  connection_.loop().set_timer_from_now(*deadline, time);
}

// ---- what is known of the session

ws::Request ConnSession::request() const {
  const auto find_header = [](const void* session,
                              std::string_view name) -> std::optional<std::string_view> {
    const auto& strings = static_cast<const ConnSession*>(session)->request_;
    for (std::size_t i = first_header; i < strings.size(); i += 2) {
      if (protocol::equals_ignoring_case(strings[i], name)) return strings[i + 1];
    }
    return std::nullopt;
  };
  return {.uri = request_[uri],
          .remote_address = request_[remote_address],
          .user = request_[user],
          .find_header = find_header,
          .source = this};
}

std::optional<std::string_view> ConnSession::option(std::string_view name) const {
  const auto& options = connection_.policy().handler_options;
  const auto known = std::find_if(options.rbegin(), options.rend(),
                                  [&](const auto& option) { return option.first == name; });
  return known == options.rend() ? std::nullopt : std::optional<std::string_view>(known->second);
}

void ConnSession::trace(std::string_view frame) { log(LogLevel::trace, frame); }

void ConnSession::log(LogLevel level, std::string_view text) const {
  base::log(log_subject(), level, text);
}

}  // namespace mod_ws::handler
