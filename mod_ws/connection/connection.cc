#include "mod_ws/connection/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "mod_ws/protocol/close_frame.h"
#include "mod_ws/protocol/frame_header.h"

namespace mod_ws::connection {
namespace {

using Bytes = std::span<const std::uint8_t>;
using engine::Interest;
using protocol::FrameParser;
using transport::IoResult;
using Cause = Ending::Cause;

/// A busy peer yields to the others on its loop after so many full buffers.
constexpr int reads_a_turn = 4;
/// A payload from this size on goes to the kernel from where it lies; below, copying it is cheaper
/// than a second vector element.
constexpr std::size_t gather_below_bytes = 16 << 10;

static_assert(protocol::max_unparsed_bytes <= engine::ReceiveBuffer::headroom_bytes);

}  // namespace

Connection::Connection(engine::EventLoop& loop, transport::Transport transport,
                       const protocol::FrameRules& rules, const Policy& policy, Backend& backend)
    : role_(rules.role),
      loop_(loop),
      backend_(backend),
      policy_(policy),
      transport_(std::move(transport)),
      parser_(rules) {}

Connection::~Connection() { abort(); }

void Connection::start(Bytes already_read) {
  started_ = true;
  watch();
  if (already_read.empty()) return;
  keep(already_read);
  loop_.revisit(*this);
}

void Connection::watch() {
  interest_ = Interest::read;
  watched_ = loop_.watch(transport_.fd(), interest_, *this);
  if (!watched_) end_soon({Cause::failed, errno});
}

void Connection::on_ready(engine::Readiness ready) {
  if (ready.writable) write_queued();
  if (std::exchange(calls_drained_, false) && queue_.empty() && !ended()) backend_.on_drained();
  if (reading_ != Reading::paused) {
    if (ready.readable || ready.broken) read();
  } else if (ready.broken) {
    // Told again and again, whatever it is watched for. What came before the break is read once
    // reading goes on.
    loop_.unwatch(transport_.fd(), *this);
    watched_ = false;
  }
  if (ends_soon_) end(soon_);
}

// ---- receiving

void Connection::read() {
  receive_kept();
  for (int i = 0; i < reads_a_turn; ++i) {
    if (reading_ == Reading::paused || ended()) return;
    const auto space = loop_.receive_buffer().space();
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
  const auto kept = std::move(kept_);
  const Bytes before = kept ? Bytes(kept->bytes).subspan(kept->used) : Bytes{};
  const auto rest = receive(loop_.receive_buffer().joined(before, bytes));
  if (!rest.empty()) keep(rest);
}

/// The whole way of what was read: cut into pieces, each given to the backend. Returns what must
/// wait.
std::span<std::uint8_t> Connection::receive(std::span<std::uint8_t> input) {
  protocol::FramePiece piece;
  auto result = FrameParser::Result::piece;
  while (reading_ == Reading::frames) {
    result = parser_.next(input, piece);
    if (result != FrameParser::Result::piece) break;
    backend_.on_piece(piece);
  }
  backend_.on_input_end();
  if (result == FrameParser::Result::violation) {
    discard_input();
    backend_.on_violation(parser_.violation());
  }
  return reading_ == Reading::discard ? std::span<std::uint8_t>{} : input;
}

void Connection::keep(Bytes rest) {
  kept_ = std::make_unique<Kept>();
  kept_->bytes.assign(rest.begin(), rest.end());
}

void Connection::on_peer_ended() {
  peer_ended_ = true;
  const bool still_sending = state_ == State::finishing && !queue_.empty();
  if (!still_sending) return end({Cause::peer_ended});
  reading_ = Reading::paused;
  update_interest();
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
  if (reading_ == Reading::paused && !peer_ended_) return read_again(Reading::discard);
  reading_ = Reading::discard;
}

/// Not here and now: the caller may be inside a piece. And what is kept, or held by TLS, makes no
/// descriptor ready.
void Connection::read_again(Reading how) {
  reading_ = how;
  update_interest();
  loop_.revisit(*this);
}

// ---- sending

void Connection::send_frame(protocol::Opcode opcode, Bytes payload, FrameBits bits) {
  if (!closing_.may_send_data()) return;
  protocol::FrameHeader header{
      .payload_length = payload.size(), .opcode = opcode, .fin = bits.fin, .rsv = bits.rsv};
  if (role_ == protocol::Role::client) {
    header.masked = true;
    header.masking_key = loop_.random().next_key();
  }
  std::array<std::uint8_t, protocol::max_frame_header_bytes> head;
  const Bytes head_bytes = Bytes(head).first(serialize_frame_header(header, head));
  auto& gathered = loop_.gather_buffer();
  if (!header.masked && payload.size() >= gather_below_bytes) {
    gathered.flush(*this);
    return write(head_bytes, payload);
  }
  gathered.make_room(*this, head_bytes.size() + payload.size());
  gathered.append(head_bytes);
  const auto copy = gathered.append(payload);
  if (header.masked) protocol::mask(copy, header.masking_key);
}

void Connection::send_verbatim(Bytes bytes) {
  loop_.gather_buffer().flush(*this);
  write(bytes, {});
}

void Connection::send_close(ws::CloseCode code, std::string_view reason) {
  if (!closing_.may_send_data()) return;
  send_frame(protocol::Opcode::close, protocol::ClosePayload(code, reason).bytes());
  note_close_sent();
}

void Connection::note_close_sent() {
  closing_.on_sent();
  start_closing_timer();
}

void Connection::send_gathered(Bytes bytes) { write(bytes, {}); }

void Connection::write(Bytes first, Bytes second) {
  if (ended() || ends_soon_ || write_shut_) return;
  if (queue_.empty()) {
    const IoResult result = transport_.write_some(first, second);
    if (result.status == IoResult::Status::failed) return end_soon({Cause::failed, result.error});
    const std::size_t of_first = std::min(result.bytes, first.size());
    first = first.subspan(of_first);
    second = second.subspan(result.bytes - of_first);
    if (first.empty() && second.empty()) return;
    start_write_timer();
  }
  queue_.append(first);
  queue_.append(second);
  update_interest();
}

void Connection::write_queued() {
  if (ended() || queue_.empty()) return;
  const IoResult result = transport_.write_some(queue_.front(), {});
  if (result.status == IoResult::Status::failed) return end_soon({Cause::failed, result.error});
  queue_.consume(result.bytes);
  if (!queue_.empty()) {
    if (result.bytes > 0) start_write_timer();
    return;
  }
  if (!closing_timer_runs_) cancel();
  update_interest();
  if (state_ == State::finishing) return shut_down_write();
  backend_.on_drained();
}

void Connection::call_drained_soon() {
  calls_drained_ = true;
  loop_.revisit(*this);
}

// ---- ending

void Connection::finish() {
  if (state_ != State::open) return;
  loop_.gather_buffer().flush(*this);
  state_ = State::finishing;
  discard_input();
  start_closing_timer();
  if (queue_.empty()) shut_down_write();
}

void Connection::shut_down_write() {
  write_shut_ = true;
  transport_.shutdown_write();
  if (peer_ended_) end_soon({Cause::finished});
}

void Connection::abort() {
  if (ended()) return;
  state_ = State::ended;
  reading_ = Reading::discard;
  cancel();
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
  const bool intended = state_ == State::finishing && ending.cause != Cause::close_timeout;
  abort();
  backend_.on_ended(intended ? Ending{Cause::finished} : ending);
}

void Connection::end_soon(const Ending& ending) {
  if (std::exchange(ends_soon_, true)) return;
  soon_ = ending;
  loop_.revisit(*this);
}

void Connection::on_timer() {
  end({closing_timer_runs_ ? Cause::close_timeout : Cause::write_timeout});
}

void Connection::start_closing_timer() {
  if (std::exchange(closing_timer_runs_, true)) return;
  loop_.set_timer(*this, policy_.close_timeout);
}

void Connection::start_write_timer() {
  if (!closing_timer_runs_) loop_.set_timer(*this, policy_.write_timeout);
}

void Connection::update_interest() {
  const bool reads = reading_ != Reading::paused;
  const bool writes = !queue_.empty();
  const auto wanted = reads ? (writes ? Interest::read_write : Interest::read)
                            : (writes ? Interest::write : Interest::none);
  if (!watched_ && reads) return watch();
  if (!watched_ || wanted == interest_) return;
  interest_ = wanted;
  loop_.change_interest(transport_.fd(), wanted, *this);
}

}  // namespace mod_ws::connection
