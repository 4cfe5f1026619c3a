// What a connection does because of the time: see connection.h and deadlines.h.

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include "mod_ws/connection/connection.h"
#include "mod_ws/engine/contain.h"

namespace mod_ws::connection {
namespace {

using Cause = Ending::Cause;

std::span<const std::uint8_t> payload_bytes(const std::uint32_t& payload) {
  return {reinterpret_cast<const std::uint8_t*>(&payload), sizeof payload};
}

}  // namespace

void Connection::on_timer() {
  engine::contain([this] { on_timer_now(); }, [this] { end({Cause::failed, ENOMEM}); });
}

void Connection::on_timer_now() {
  const auto upcoming = next_deadline();
  if (upcoming.wait == 0) act(upcoming.due);
  if (!ended()) set_deadline_timer();
}

void Connection::set_deadline_timer() {
  const auto upcoming = next_deadline();
  if (upcoming.due == Due::nothing) return cancel();
  loop_.set_timer(*this, upcoming.wait * engine::TimerWheel::tick_length);
}

Deadlines::Next Connection::next_deadline() const {
  const auto upcoming = deadlines_.next(policy_, loop_.tick());
  if (!is_throttled_) return upcoming;
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(rate_limiter_->next() - loop_.now());
  const auto ticks = Deadlines::ticks_in(std::max(wait, std::chrono::milliseconds(0)));
  return ticks < upcoming.wait ? Deadlines::Next{Due::reading, ticks} : upcoming;
}

void Connection::act(Due due) {
  switch (due) {
    case Due::server_end:
      return end_writing();
    case Due::close_timeout:
      return end({Cause::close_timeout});
    case Due::write_timeout:
      return end({Cause::write_timeout});
    case Due::pong_timeout:
      // While nothing is read from the peer, its answer cannot be seen.
      if (!is_reading() || takes_what_was_sent()) return put_off_ping();
      return end({Cause::pong_timeout});
    case Due::ping:
    case Due::idle_timeout:
    case Due::lifetime:
      return backend_.on_due(due);
    case Due::reading:
      is_throttled_ = false;
      return read_again(reading_);
    case Due::nothing:
      return;
  }
}

void Connection::start_close_timeout() {
  if (deadlines_.is_closing()) return;
  deadlines_.on_closing(loop_.tick());
  set_deadline_timer();
}

void Connection::hurry() {
  deadlines_.hurry();
  set_deadline_timer();
}

// ---- pings

void Connection::ping() {
  while (ping_payload_ == 0)
    ping_payload_ = std::bit_cast<std::uint32_t>(loop_.random().next_key());
  send_frame(protocol::Opcode::ping, payload_bytes(ping_payload_));
  takes_what_was_sent();
  deadlines_.on_ping(loop_.tick(), true);
}

/// Whether the peer has taken some of what was sent before a ping, and not all of it: then it has
/// not got to the ping yet, but it is there.
bool Connection::takes_what_was_sent() {
  const auto untaken =
      static_cast<std::uint32_t>(transport::untaken_bytes(transport_.fd()) + queue_.size());
  const std::uint32_t before = std::exchange(untaken_bytes_, untaken);
  return untaken > 0 && (untaken < before || deadlines_.has_written_since_ping());
}

bool Connection::is_own_pong(const protocol::FramePiece& piece) const {
  if (piece.opcode != protocol::Opcode::pong || ping_payload_ == 0 ||
      piece.payload.size() != sizeof ping_payload_) {
    return false;
  }
  std::array<std::uint8_t, sizeof ping_payload_> payload;
  std::copy(piece.payload.begin(), piece.payload.end(), payload.begin());
  if (piece.masked) protocol::mask(payload, piece.masking_key);
  return std::bit_cast<std::uint32_t>(payload) == ping_payload_;
}

}  // namespace mod_ws::connection
