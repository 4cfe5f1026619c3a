#include "mod_ws/handler/session_sender.h"

#include <utility>

#include "mod_ws/connection/prepared_message.h"
#include "mod_ws/handler/conn_session.h"

namespace mod_ws::handler {
namespace {

/// What a letter costs besides its message.
constexpr std::uint64_t letter_bytes = 64;

}  // namespace

ws::Error SessionSender::send(std::shared_ptr<const ws::detail::Prepared> message) {
  if (is_over_.load(std::memory_order_relaxed)) return ws::Error::Reason::closed;
  if (!connection::prepared_message(*message).is_valid()) return ws::Error::Reason::not_utf8;
  const std::uint64_t bytes = message->payload.size() + letter_bytes;
  // A single message may be larger than the limit.
  if (bytes_under_way_.fetch_add(bytes, std::memory_order_relaxed) +
          queued_bytes_.load(std::memory_order_relaxed) >
      limit_bytes_) {
    bytes_under_way_.fetch_sub(bytes, std::memory_order_relaxed);
    return ws::Error::Reason::queue_full;
  }
  loop_.post([self = shared_from_this(), message = std::move(message), bytes] {
    self->bytes_under_way_.fetch_sub(bytes, std::memory_order_relaxed);
    if (self->session_ == nullptr) return;
    self->session_->deliver_for_sender(message, *self);
  });
  return {};
}

void SessionSender::close(ws::CloseStatus status) {
  if (is_over_.load(std::memory_order_relaxed)) return;
  loop_.post([self = shared_from_this(), status = std::move(status)] {
    if (self->session_ != nullptr) self->session_->close_by_handler(status.code, status.reason);
  });
}

}  // namespace mod_ws::handler
