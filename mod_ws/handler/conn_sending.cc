// What coroutines write, and what is published to them: see conn_session.h.

#include <algorithm>
#include <utility>

#include "mod_ws/connection/prepared_message.h"
#include "mod_ws/handler/bytes.h"
#include "mod_ws/handler/conn_session.h"
#include "mod_ws/handler/fragmented_message.h"
#include "mod_ws/handler/session_sender.h"
#include "mod_ws/protocol/utf8.h"

namespace mod_ws::handler {
namespace {

using base::LogLevel;
using connection::SendQueue;
using protocol::Opcode;
using ws::detail::Sent;

/// Bytes, and messages, that a handler may write before the loop's other sessions get their turn.
constexpr std::size_t max_written_in_a_row = 1 << 20;

// Results that are there at once; they are copied.
ws::Error no_error;
ws::Error not_utf8_error = ws::Error::Reason::not_utf8;
ws::Error finished_error = ws::Error::Reason::finished;

/// The same error, where an operation may point to it.
ws::Error& standing(ws::Error error) {
  if (!error) return no_error;
  return error.reason() == ws::Error::Reason::finished ? finished_error : not_utf8_error;
}

std::size_t size_of(const ws::detail::OpArguments& arguments) {
  return arguments.sent == Sent::prepared_message ? arguments.prepared->payload().size()
                                                  : arguments.payload.size();
}

bool is_fragment(const ws::detail::OpArguments& arguments) {
  return arguments.sent == Sent::fragment || arguments.sent == Sent::last_fragment;
}

}  // namespace

bool ConnSession::start(const Arguments& arguments, Write& write) {
  if (!connection_.may_send_data()) return start_closed(write);
  write.result = &no_error;
  if (arguments.sent == Sent::ping) return start_ping(arguments.payload, write);
  if (must_be_held(arguments)) {
    rare().held.push_back({.waiter = &write, .arguments = arguments});
    return false;
  }
  if (const ws::Error error = send(arguments)) {
    write.result = &standing(error);
    return true;
  }
  written_in_a_row_ += static_cast<std::uint32_t>(size_of(arguments) + 1);
  const bool is_taken = connection_.queued_bytes() <= high_water_bytes();
  if (is_taken && written_in_a_row_ < max_written_in_a_row) return true;
  // A peer that takes everything at once must not keep its handler from ever leaving the loop to
  // others.
  if (is_taken) connection_.call_drained_soon();
  rare().writers.push_back(write);
  return false;
}

bool ConnSession::start_closed(Write& write) {
  write.result = &closed_error();
  if (may_fail_again()) return true;
  rare().writers.push_back(write);
  return false;
}

/// A message under way in fragments lets no other data frame between them, and whoever came first
/// goes first.
bool ConnSession::must_be_held(const Arguments& arguments) const {
  if (!rare_) return false;
  if (rare_->outgoing)
    return !is_fragment(arguments) || arguments.number != rare_->outgoing->number();
  return !rare_->held.empty();
}

ws::Error ConnSession::send(const Arguments& arguments) {
  if (is_fragment(arguments)) return send_fragment(arguments);
  if (arguments.sent == Sent::prepared_message) {
    const auto& prepared = *arguments.prepared->prepared();
    if (!connection::prepared_message(prepared).is_valid()) return ws::Error::Reason::not_utf8;
    send_prepared(prepared);
    return {};
  }
  if (arguments.type == ws::MessageType::text && !protocol::is_utf8(bytes_of(arguments.payload)))
    return ws::Error::Reason::not_utf8;
  send_message(arguments.type, arguments.payload);
  return {};
}

void ConnSession::send_message(ws::MessageType type, std::string_view payload) {
  const auto opcode = static_cast<Opcode>(type);
  if (auto* const compression = compression_to_use()) {
    if (const auto compressed = compression->compress(bytes_of(payload))) {
      return connection_.send_frame(opcode, *compressed, {.fin = true, .rsv = protocol::rsv1_bit});
    }
  }
  connection_.send_frame(opcode, bytes_of(payload));
}

void ConnSession::send_prepared(const ws::detail::Prepared& message) {
  const auto& prepared = connection::prepared_message(message);
  if (connection_.role() == protocol::Role::client)  // each frame is masked anew
    return send_message(message.type, message.payload);
  auto* const compression = compression_to_use();
  if (compression == nullptr) return connection_.send_serialized(prepared.frame());
  if (const auto frame = compression->shared_frame(prepared))
    return connection_.send_serialized(*frame);
  send_message(message.type, message.payload);
}

ws::Error ConnSession::send_fragment(const Arguments& arguments) {
  const auto& finished = rare().finished_writers;
  if (std::find(finished.begin(), finished.end(), arguments.number) != finished.end())
    return ws::Error::Reason::finished;
  auto& outgoing = rare().outgoing;
  const bool is_first = !outgoing;
  if (is_first) {
    outgoing =
        std::make_unique<FragmentedMessage>(arguments.number, arguments.type, compression_to_use());
  }
  const bool ends_message = arguments.sent == Sent::last_fragment;
  const ws::Error error = outgoing->send(arguments.payload, ends_message, connection_);
  if (error && is_first) outgoing.reset();  // nothing of it has been sent: nobody need wait
  if (!error && ends_message) {
    rare_->finished_writers.push_back(arguments.number);
    end_outgoing();
  }
  return error;
}

/// What had to wait goes out, up to the next message in fragments. Whoever waits for it is resumed
/// in the loop's next turn: now somebody else is in the middle of writing.
void ConnSession::end_outgoing() {
  rare_->outgoing.reset();
  auto& held = rare_->held;
  while (!rare_->outgoing && !held.empty()) {
    const Held next = std::move(held.front());
    held.pop_front();
    if (next.published) {
      rare_->held_bytes -= next.published->payload.size();
      send_prepared(*next.published);
      continue;
    }
    next.waiter->result = &standing(send(next.arguments));
    rare_->writers.push_back(*next.waiter);
  }
  connection_.call_drained_soon();
}

void ConnSession::abandon_writer(std::uint32_t number) noexcept {
  if (!rare_) return;
  std::erase(rare_->finished_writers, number);
  if (!rare_->outgoing || rare_->outgoing->number() != number) return;
  if (!connection_.may_send_data()) return;
  if (!rare_->outgoing->may_end())
    return close_now(ws::CloseCode::internal_error, "a text ended inside a character");
  [[maybe_unused]] const ws::Error none = rare_->outgoing->send({}, true, connection_);
  end_outgoing();
}

void ConnSession::forget(Write& write) noexcept {
  if (!rare_) return;
  rare_->writers.remove(write);
  rare_->held.remove_if([&](const Held& held) { return held.waiter == &write; });
  std::erase_if(rare_->pings, [&](const SentPing& ping) { return ping.waiter == &write; });
}

// ---- pings

bool ConnSession::start_ping(std::string_view payload, Write& write) {
  std::string sent(payload.substr(0, protocol::max_control_payload_bytes));
  if (sent.empty()) {
    const auto key = connection_.loop().random().next_key();
    sent.assign(reinterpret_cast<const char*>(key.data()), key.size());
  }
  connection_.send_frame(Opcode::ping, bytes_of(sent));
  rare().pings.push_back({.payload = std::move(sent), .waiter = &write});
  return false;
}

void ConnSession::receive_pong(const protocol::FramePiece& piece) {
  if (!rare_) return;
  const std::string payload(text_of(piece.payload));
  const auto known = std::find_if(rare_->pings.begin(), rare_->pings.end(),
                                  [&](const SentPing& ping) { return ping.payload == payload; });
  // RFC 6455 5.5.3: a pong may leave out the pings before the one it answers.
  if (known != rare_->pings.end()) {
    for (auto left = known - rare_->pings.begin() + 1; left > 0 && !rare_->pings.empty(); --left) {
      Write& waiter = *rare_->pings.front().waiter;
      rare_->pings.erase(rare_->pings.begin());
      rare_->writers.push_back(waiter);
    }
    connection_.call_drained_soon();
  }
  tell(rare_->on_pong, payload);
}

// ---- from elsewhere

void ConnSession::deliver(const Prepared& message) {
  if (!connection_.may_send_data() || is_too_slow()) return;
  if (rare_ && (rare_->outgoing || !rare_->held.empty())) {
    rare_->held_bytes += message->payload.size();
    rare_->held.push_back({.published = message});
    return;
  }
  send_prepared(*message);
}

void ConnSession::deliver_for_sender(const Prepared& message, SessionSender& sender) {
  deliver(message);
  // It may be gathered with others and leave at once: on_drained() tells then.
  sender.note_queued(connection_.queued_bytes() + message->payload.size());
  connection_.call_drained_soon();
}

/// Published messages cannot wait for a slow client: their publisher does not.
bool ConnSession::is_too_slow() {
  const SendQueue& queue = connection_.policy().send_queue;
  const std::size_t waiting = connection_.queued_bytes() + (rare_ ? rare_->held_bytes : 0);
  if (queue.action == SendQueue::Action::wait || waiting <= queue.limit_bytes) return false;
  if (queue.action == SendQueue::Action::close) {
    log(LogLevel::info, "takes data too slowly: more than WebSocketSendQueue waits");
    close_now(ws::CloseCode::policy_violation, "too slow to take what is sent");
    connection_.finish();
    connection_.hurry();
  }
  return true;
}

}  // namespace mod_ws::handler
