#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ws/message.h"
#include "ws/op.h"

namespace ws {

/// One message in pieces, as they arrive: for what is too big to hold. Text is checked on the way,
/// so a piece may end inside a character. Lives no longer than its Conn.
class MessageReader {
 public:
  MessageReader(Conn& conn, MessageType type, std::uint32_t number)
      : conn_(&conn), type_(type), number_(number) {}

  MessageType type() const { return type_; }

  /// The next piece, never empty. Nothing once the message has ended; or the session has, which
  /// Conn::close_status() tells; or another message has been asked for, which drops the rest of
  /// this one.
  Op<std::optional<std::string>> read();

 private:
  Conn* conn_;
  MessageType type_;
  std::uint32_t number_;  // of the message in its session
};

}  // namespace ws
