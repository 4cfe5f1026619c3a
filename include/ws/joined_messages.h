#pragma once

#include <optional>
#include <string>
#include <utility>

#include "ws/conn.h"
#include "ws/task.h"

namespace ws {

/// All messages that come from here on, as one stream of bytes, in pieces: behind each message
/// stands a terminator. Lives no longer than its Conn, and nobody else reads from that.
class JoinedMessages {
 public:
  explicit JoinedMessages(Conn& conn, std::string terminator = {})
      : conn_(conn), terminator_(std::move(terminator)) {}

  /// The next piece, never empty. Nothing once the session is over, which Conn::close_status()
  /// explains.
  Task<std::optional<std::string>> read() {
    while (true) {
      if (!reader_) {
        const auto next = co_await conn_.next_reader();
        if (!next) co_return std::nullopt;
        reader_.emplace(*next);
      }
      auto piece = co_await reader_->read();
      if (piece) co_return std::move(piece);
      reader_.reset();
      if (!terminator_.empty()) co_return std::optional<std::string>(terminator_);
    }
  }

 private:
  Conn& conn_;
  std::string terminator_;
  std::optional<MessageReader> reader_;
};

}  // namespace ws
