#include "mod_ws/handler/head_exchange.h"

#include <system_error>

#include "mod_ws/handler/bytes.h"

namespace mod_ws::handler {

using transport::IoResult;

HeadExchange::Status HeadExchange::go_on(transport::Transport& transport,
                                         std::span<std::uint8_t> buffer) {
  if (sent_bytes_ < request_.size()) {
    if (const Status status = send(transport); status != Status::answered) return status;
  }
  return receive(transport, buffer);
}

/// Status::answered here: all of it has been sent.
HeadExchange::Status HeadExchange::send(transport::Transport& transport) {
  while (sent_bytes_ < request_.size()) {
    const auto result =
        transport.write_some(bytes_of(std::string_view(request_).substr(sent_bytes_)), {});
    if (result.status == IoResult::Status::failed) return break_off(result);
    if (result.status == IoResult::Status::would_block) return Status::waits;
    sent_bytes_ += result.bytes;
  }
  return Status::answered;
}

HeadExchange::Status HeadExchange::receive(transport::Transport& transport,
                                           std::span<std::uint8_t> buffer) {
  Status status = Status::waits;
  while (true) {
    const auto result = transport.read_some(buffer);
    if (result.status == IoResult::Status::would_block) return status;
    if (result.status != IoResult::Status::moved)
      return status == Status::answered ? status : break_off(result);
    status = receive_read(buffer.first(result.bytes));
    if (status == Status::malformed) return status;
    // A full TLS buffer may have more above the kernel, which epoll does not see. Where something
    // has come behind the head, whoever gets that looks there again.
    if (status == Status::answered && (result.bytes < buffer.size() || !rest_.empty()))
      return status;
  }
}

HeadExchange::Status HeadExchange::receive_read(std::span<const std::uint8_t> bytes) {
  using State = protocol::ResponseHeadParser::State;
  std::string_view text = text_of(bytes);
  const State state = parser_.receive(text);
  if (state == State::failed) {
    complaint_ = parser_.complaint();
    return Status::malformed;
  }
  if (state == State::need_more) return Status::waits;
  const auto behind = bytes_of(text);
  rest_.insert(rest_.end(), behind.begin(), behind.end());
  return Status::answered;
}

HeadExchange::Status HeadExchange::break_off(const IoResult& result) {
  if (result.status == IoResult::Status::end) {
    complaint_ = "the connection was ended before the answer had come";
  } else {
    complaint_ = result.error == 0 ? "TLS error" : std::generic_category().message(result.error);
  }
  return Status::broken;
}

}  // namespace mod_ws::handler
