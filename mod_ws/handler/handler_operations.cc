// What a handler asks of its session: the operations of ws::Conn. See handler_session.h.

#include "mod_ws/handler/handler_session.h"
#include "mod_ws/protocol/close_frame.h"

namespace mod_ws::handler {
namespace {

using base::LogLevel;
using protocol::MessageAssembler;
using protocol::Opcode;

/// Reads and writes that a handler may try after the end of its session: it is stopped then, not
/// spun.
constexpr std::uint16_t max_failures = 100;

/// Bytes, and messages, that a handler may write before the loop's other sessions get their turn.
constexpr std::size_t max_written_in_a_row = 1 << 20;

// Results that are there at once; they are copied, and nullopt is not changed by being moved from.
ws::Error no_error;
ws::Error closed_error = ws::Error::Reason::closed;
ws::Error not_utf8_error = ws::Error::Reason::not_utf8;
std::optional<ws::Message> no_message;
std::optional<ws::MessageReader> no_reader;
std::optional<std::string> no_piece;

/// A result that is there at once lives here until the operation takes it, which is the next thing
/// that happens on this thread.
template <class T>
std::optional<T>* at_once(T value) {
  thread_local std::optional<T> result;
  result = std::move(value);
  return &result;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

bool HandlerSession::start(const Arguments&, Read& read) {
  drop_read_message();
  read.result = &no_message;
  if (incoming_ && incoming_->assembler.has_rest())
    take_incoming(incoming_->assembler.go_on(MessageAssembler::all));
  if (incoming_ && incoming_->is_whole) {
    const auto whole = std::move(incoming_);
    read.result = at_once(whole->assembler.take_message());
    connection_.resume_reading();
    return true;
  }
  if (is_over() && may_fail_again()) return true;
  readers_.push_back(read);
  connection_.resume_reading();
  return false;
}

bool HandlerSession::start(const Arguments&, NextReader& next_reader) {
  drop_read_message();
  next_reader.result = &no_reader;
  if (incoming_ && !incoming_->is_dropped) {
    incoming_->is_read_in_pieces = true;
    next_reader.result =
        at_once(ws::MessageReader(*this, incoming_->assembler.type(), ++rare().message_number));
    return true;
  }
  if (is_over() && may_fail_again()) return true;
  rare().next_readers.push_back(next_reader);
  connection_.resume_reading();
  return false;
}

bool HandlerSession::start(const Arguments& arguments, ReadPiece& read_piece) {
  read_piece.result = &no_piece;
  const bool is_current = incoming_ && incoming_->is_read_in_pieces && !incoming_->is_dropped &&
                          arguments.message_number == rare().message_number;
  if (!is_current) return may_fail_again();
  if (auto piece = take_piece()) {
    read_piece.result = at_once(std::move(*piece));
    return true;
  }
  connection_.resume_reading();
  if (!incoming_) return true;  // that was its end
  rare().piece_readers.push_back(read_piece);
  return false;
}

bool HandlerSession::start(const Arguments& arguments, Write& write) {
  if (!connection_.may_send_data()) {
    write.result = &closed_error;
    if (may_fail_again()) return true;
    rare().writers.push_back(write);
    return false;
  }
  if (arguments.type == ws::MessageType::text && !protocol::is_utf8(bytes_of(arguments.payload))) {
    write.result = &not_utf8_error;
    return true;
  }
  write.result = &no_error;
  send_message(arguments.type, arguments.payload);
  written_in_a_row_ += arguments.payload.size() + 1;
  const bool is_taken = connection_.queued_bytes() <= high_water_bytes;
  if (is_taken && written_in_a_row_ < max_written_in_a_row) return true;
  // A client that takes everything at once must not keep its handler from ever leaving the loop to
  // others.
  if (is_taken) connection_.call_drained_soon();
  rare().writers.push_back(write);
  return false;
}

void HandlerSession::send_message(ws::MessageType type, std::string_view payload) {
  const auto opcode = static_cast<Opcode>(type);
  if (compression_) {
    if (const auto compressed = compression_->compress(bytes_of(payload))) {
      return connection_.send_frame(opcode, *compressed, {.fin = true, .rsv = protocol::rsv1_bit});
    }
  }
  connection_.send_frame(opcode, bytes_of(payload));
}

bool HandlerSession::start(const Arguments& arguments, Close& close) {
  const bool has_text = protocol::is_utf8(bytes_of(arguments.payload));
  if (!has_text || !protocol::may_be_sent(arguments.code)) {
    log(LogLevel::error,
        "the handler closes with " + std::to_string(static_cast<int>(arguments.code)) +
            (has_text ? ", which may not be sent" : " and a reason that is not UTF-8"));
  }
  connection_.send_close(arguments.code, has_text ? arguments.payload : std::string_view{});
  if (is_over()) {
    close.result = &*rare_->status;
    return true;
  }
  stop_receiving();
  rare().closers.push_back(close);
  return false;
}

/// A handler that goes on after the end of its session is told so a few times, and then gets no
/// answer any more.
bool HandlerSession::may_fail_again() {
  if (failures_ < max_failures) {
    ++failures_;
    return true;
  }
  if (!task_done_)
    log(LogLevel::error, "the handler goes on after the end of its session, and is stopped");
  task_done_ = true;
  retire_if_done();
  return false;
}

}  // namespace mod_ws::handler
