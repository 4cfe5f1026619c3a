#pragma once

#include "mod_ws/protocol/message_stream.h"

namespace mod_ws::proxy {

/// Checks whole messages that are forwarded as they came: size, as inflated, and text.
class MessageCheck {
 public:
  /// `inflater` null: no compression was agreed on between the two sides.
  MessageCheck(const protocol::MessageRules& rules, protocol::Inflater* inflater)
      : stream_(rules, inflater) {}

  /// Whether the message is good so far. The piece is left as it was.
  bool check(protocol::FramePiece& piece);

  /// Meaningful after check() has said no.
  const protocol::Violation& violation() const { return stream_.violation(); }

 private:
  protocol::MessageStream stream_;
};

}  // namespace mod_ws::proxy
