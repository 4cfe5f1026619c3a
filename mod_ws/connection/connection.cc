#include "mod_ws/connection/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "mod_ws/engine/contain.h"

namespace mod_ws::connection {
namespace {

using Bytes = std::span<const std::uint8_t>;
using engine::Interest;
using protocol::FrameParser;
using transport::IoResult;
using Cause = Ending::Cause;

/// A busy peer yields to the others on its loop after so many full buffers.
constexpr int reads_a_turn = 4;

constexpr protocol::Violation too_fast{ws::CloseCode::policy_violation,
                                       "more than the rate limit allows"};

static_assert(protocol::max_unparsed_bytes <= engine::ReceiveBuffer::headroom_bytes);

}  // namespace

Connection::Connection(engine::EventLoop& loop, transport::Transport transport,
                       const protocol::FrameRules& rules, const Terms& terms, Backend& backend)
    : framing_(terms.framing),
      loop_(loop),
      backend_(backend),
      policy_(terms.policy),
      meter_(terms.meter),
      transport_(std::move(transport)),
      parser_(rules) {
  if (role() == protocol::Role::server && policy_.rate_limit.is_set())
    rate_limiter_ = std::make_unique<RateLimiter>(policy_.rate_limit);
}

Connection::~Connection() { abort(); }

void Connection::start(Bytes already_read) {
  started_ = true;
  watch();
  deadlines_.start(loop_.tick());
  set_deadline_timer();
  if (already_read.empty()) return;
  keep(already_read);
  loop_.revisit(*this);
}

void Connection::watch() {
  interest_ = Interest::read;
  watched_ = loop_.watch_reserved(transport_.fd(), interest_, *this);
  if (!watched_) end_soon({Cause::failed, errno});
}

/// Where memory runs out something is lost on its way, and the stream with it.
void Connection::on_ready(engine::Readiness ready) {
  engine::contain([&] { on_ready_now(ready); }, [this] { end({Cause::failed, ENOMEM}); });
}

void Connection::on_ready_now(engine::Readiness ready) {
  // What is broken need not be writable, but writing tells.
  if (ready.writable || (ready.broken && !queue_.empty())) write_queued();
  if (std::exchange(calls_drained_, false) && queue_.empty() && !ended()) backend_.on_drained();
  if (is_reading()) {
    if (ready.readable || ready.broken) read();
  } else if (ready.broken) {
    // Told again and again, whatever it is watched for. What came before the break is read once
    // reading goes on, unless a write has failed.
    loop_.unwatch(transport_.fd(), *this);
    watched_ = false;
  }
  if (ends_soon_) end({soon_cause_, soon_error_});
}

// ---- receiving

void Connection::read() {
  receive_kept();
  for (int i = 0; i < reads_a_turn; ++i) {
    if (!is_reading() || ended()) return;
    auto space = loop_.receive_buffer().space();
    if (rate_limiter_ && policy_.rate_limit.action == RateLimit::Action::delay)
      space = space.first(rate_limiter_->allowed_bytes(loop_.now(), space.size()));
    const IoResult result = transport_.read_some(space);
    switch (result.status) {
      case IoResult::Status::moved:
        receive_read(result.bytes);
        break;
      case IoResult::Status::would_block:
        return;
      case IoResult::Status::end:
        return on_peer_ended();
      case IoResult::Status::failed:
        return end({Cause::failed, result.error});
    }
    if (result.bytes < space.size()) return;
  }
  // A full TLS buffer may have more above the kernel, which epoll does not see.
  loop_.revisit(*this);
}

void Connection::receive_kept() {
  if (!kept_) return;
  auto kept = std::move(kept_);
  const auto input = std::span(kept->bytes).subspan(kept->used);
  const auto rest = receive(input);
  if (rest.empty()) return;
  kept->used = kept->bytes.size() - rest.size();
  kept_ = std::move(kept);
}

void Connection::receive_read(std::size_t bytes) {
  if (deadlines_.on_received(loop_.tick())) set_deadline_timer();
  const auto kept = std::move(kept_);
  const Bytes before = kept ? Bytes(kept->bytes).subspan(kept->used) : Bytes{};
  const auto rest = receive(loop_.receive_buffer().joined(before, bytes));
  if (!rest.empty()) keep(rest);
}

/// The whole way of what was read: cut into pieces, each given to the backend. Returns what must
/// wait.
std::span<std::uint8_t> Connection::receive(std::span<std::uint8_t> input) {
  if (is_byte_stream()) return receive_stream(input);
  protocol::FramePiece piece;
  auto result = FrameParser::Result::piece;
  const std::size_t given = input.size();
  std::uint64_t messages = 0;
  while (reading_ == Reading::frames && !is_throttled_) {
    result = parser_.next(input, piece);
    if (result != FrameParser::Result::piece) break;
    if (!is_control(piece.opcode)) deadlines_.on_data(loop_.tick());
    if (piece.opcode == protocol::Opcode::ping) meter_.count_received_ping(role());
    if (piece.ends_message()) ++messages;
    if (policy_.traces_frames && piece.starts_frame) trace(piece);
    backend_.on_piece(piece);
    if (rate_limiter_ && reading_ != Reading::discard) limit_rate(piece);
  }
  meter_.count_received(role(), given - input.size(), messages);
  backend_.on_input_end();
  if (result == FrameParser::Result::violation) on_violation(parser_.violation());
  if (is_throttled_ && policy_.rate_limit.action == RateLimit::Action::close)
    on_violation(too_fast);
  return reading_ == Reading::discard ? std::span<std::uint8_t>{} : input;
}

std::span<std::uint8_t> Connection::receive_stream(std::span<std::uint8_t> input) {
  if (reading_ != Reading::frames)
    return reading_ == Reading::discard ? std::span<std::uint8_t>{} : input;
  const std::uint64_t limit = policy_.backend_limits.max_message_bytes;
  const std::size_t most =
      limit == 0 ? input.size()
                 : static_cast<std::size_t>(std::min<std::uint64_t>(limit, input.size()));
  deadlines_.on_data(loop_.tick());
  while (!input.empty() && reading_ == Reading::frames) {
    const auto message = input.first(std::min(most, input.size()));
    input = input.subspan(message.size());
    protocol::FramePiece piece{
        .raw = message, .payload = message, .opcode = protocol::Opcode::binary};
    meter_.count_received(role(), message.size(), 1);
    backend_.on_piece(piece);
  }
  backend_.on_input_end();
  return reading_ == Reading::discard ? std::span<std::uint8_t>{} : input;
}

void Connection::trace(const protocol::FramePiece& piece) {
  backend_.trace("received " + describe(protocol::FrameHeader{
                                   .payload_length = piece.payload.size() + piece.payload_left,
                                   .opcode = piece.opcode,
                                   .fin = piece.fin,
                                   .rsv = piece.rsv}));
}

void Connection::limit_rate(const protocol::FramePiece& piece) {
  const bool begins_message = piece.starts_frame && (piece.opcode == protocol::Opcode::text ||
                                                     piece.opcode == protocol::Opcode::binary);
  rate_limiter_->take(loop_.now(), begins_message ? 1 : 0, piece.raw.size());
  if (rate_limiter_->next() <= loop_.now()) return;
  is_throttled_ = true;
  update_interest();
  set_deadline_timer();
}

void Connection::on_violation(const protocol::Violation& violation) {
  discard_input();
  backend_.on_violation(violation);
}

void Connection::keep(Bytes rest) {
  kept_ = std::make_unique<Kept>();
  kept_->bytes.assign(rest.begin(), rest.end());
}

void Connection::on_peer_ended() {
  peer_ended_ = true;
  if (deadlines_.awaits_server_end()) end_writing();
  const bool still_sending = state_ == State::finishing && !queue_.empty();
  const bool half_closed = is_byte_stream() && state_ == State::open;
  if (!still_sending && !half_closed) return end({Cause::peer_ended});
  reading_ = Reading::paused;
  update_interest();
  if (half_closed) backend_.on_peer_finished();
}

void Connection::pause_reading() {
  if (reading_ != Reading::frames) return;
  reading_ = Reading::paused;
  update_interest();
}

void Connection::resume_reading() {
  if (reading_ == Reading::paused && !peer_ended_) read_again(Reading::frames);
}

void Connection::discard_input() {
  kept_.reset();
  const bool was_reading = is_reading();
  is_throttled_ = false;
  if (!was_reading && !peer_ended_) return read_again(Reading::discard);
  reading_ = Reading::discard;
}

/// Not here and now: the caller may be inside a piece. And what is kept, or held by TLS, makes no
/// descriptor ready.
void Connection::read_again(Reading how) {
  reading_ = how;
  update_interest();
  loop_.revisit(*this);
}

// ---- ending

void Connection::finish() {
  if (state_ != State::open) return;
  loop_.gather_buffer().flush(*this);
  state_ = State::finishing;
  discard_input();
  start_close_timeout();
  if (may_wait_for_server()) {
    deadlines_.await_server_end(loop_.tick());
    set_deadline_timer();
  } else {
    end_writing();
  }
}

/// RFC 6455 7.1.1: so that it is the server's end that stays in TIME_WAIT, where a client has but
/// so many ports.
bool Connection::may_wait_for_server() const {
  return role() == protocol::Role::client && closing_.complete() && !peer_ended_;
}

void Connection::end_writing() {
  deadlines_.forgo_server_end();
  ends_writing_ = true;
  if (queue_.empty()) shut_down_write();
}

void Connection::shut_down_write() {
  if (!std::exchange(write_shut_, true)) transport_.shutdown_write();
  if (peer_ended_) end_soon({Cause::finished});
}

void Connection::abort() {
  if (ended()) return;
  state_ = State::ended;
  reading_ = Reading::discard;
  cancel();
  meter_.count_unqueued(role(), queue_.size());
  queue_.clear();
  kept_.reset();
  if (started_) {
    loop_.gather_buffer().drop(*this);
    loop_.unwatch(transport_.fd(), *this);
  }
  transport_.close();
}

void Connection::end(const Ending& ending) {
  if (ended()) return;
  const bool timed_out =
      ending.cause == Cause::close_timeout || ending.cause == Cause::write_timeout;
  Ending told = state_ == State::finishing && !timed_out ? Ending{Cause::finished} : ending;
  told.lost_bytes = queue_.size();
  abort();
  backend_.on_ended(told);
}

void Connection::end_soon(const Ending& ending) {
  if (std::exchange(ends_soon_, true)) return;
  soon_cause_ = ending.cause;
  soon_error_ = ending.error;
  loop_.revisit(*this);
}

void Connection::update_interest() {
  const bool reads = is_reading();
  const bool writes = !queue_.empty();
  const auto wanted = reads ? (writes ? Interest::read_write : Interest::read)
                            : (writes ? Interest::write : Interest::none);
  if (!watched_ && reads) return watch();
  if (!watched_ || wanted == interest_) return;
  interest_ = wanted;
  loop_.change_interest(transport_.fd(), wanted, *this);
}

}  // namespace mod_ws::connection
