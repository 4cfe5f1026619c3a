#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mod_ws/engine/event_loop.h"
#include "mod_ws/protocol/response_head.h"
#include "mod_ws/transport/transport.h"

namespace mod_ws::handler {

/// One HTTP/1.1 request without a body, sent on a non-blocking transport, and the head of the
/// answer to it.
class HeadExchange {
 public:
  explicit HeadExchange(std::string request) : request_(std::move(request)) {}

  enum class Status : std::uint8_t {
    waits,      ///< For what interest() says.
    answered,   ///< head() and rest() are there.
    malformed,  ///< The answer is none: complaint().
    broken,     ///< The connection has failed or ended: complaint().
  };

  /// Goes on as far as it can. `buffer` is for the length of the call.
  Status go_on(transport::Transport& transport, std::span<std::uint8_t> buffer);

  engine::Interest interest() const {
    return sent_bytes_ < request_.size() ? engine::Interest::write : engine::Interest::read;
  }
  protocol::ResponseHead& head() { return parser_.head(); }
  /// What came right behind the head. Never empty while more lies above the kernel, in TLS.
  std::vector<std::uint8_t>& rest() { return rest_; }
  const std::string& complaint() const { return complaint_; }

 private:
  Status send(transport::Transport& transport);
  Status receive(transport::Transport& transport, std::span<std::uint8_t> buffer);
  Status receive_read(std::span<const std::uint8_t> bytes);
  Status break_off(const transport::IoResult& result);

  std::string request_;
  std::size_t sent_bytes_ = 0;
  protocol::ResponseHeadParser parser_;
  std::vector<std::uint8_t> rest_;
  std::string complaint_;
};

}  // namespace mod_ws::handler
