#pragma once

#include <cstdint>
#include <string_view>

#include "mod_ws/connection/connection.h"
#include "mod_ws/connection/message_compression.h"
#include "mod_ws/protocol/utf8.h"
#include "ws/error.h"
#include "ws/message.h"

namespace mod_ws::handler {

/// A message that is being sent in fragments.
class FragmentedMessage {
 public:
  /// `number` is the ws::MessageWriter's. Without `compression` it is sent as it is.
  FragmentedMessage(std::uint32_t number, ws::MessageType type,
                    connection::MessageCompression* compression)
      : number_(number), type_(type), compression_(compression) {}

  /// Sends the next fragment. With Error::not_utf8 nothing is sent, and the message is where it
  /// was.
  ws::Error send(std::string_view piece, bool ends_message, connection::Connection& connection);

  std::uint32_t number() const { return number_; }
  /// It would be valid text if it ended now.
  bool may_end() const { return utf8_.is_complete(); }

 private:
  std::uint32_t number_;
  ws::MessageType type_;
  bool has_begun_ = false;
  protocol::Utf8Validator utf8_;
  connection::MessageCompression* compression_;
};

}  // namespace mod_ws::handler
