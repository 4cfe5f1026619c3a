#pragma once

#include <memory>
#include <string_view>

#include "ws/message.h"
#include "ws/runtime.h"

namespace ws {

/// A message that is framed once, and compressed once, however many connections it is sent on. It
/// never changes; copies share it, on any thread.
class PreparedMessage {
 public:
  PreparedMessage(MessageType type, std::string_view payload)
      : prepared_(detail::runtime->prepare(type, payload)) {}
  PreparedMessage(const Message& message)  // NOLINT: a message is one, where it is sent to many
      : PreparedMessage(message.type, message.payload) {}

  MessageType type() const { return prepared_->type; }
  std::string_view payload() const { return prepared_->payload; }

  /// For mod_ws.
  const std::shared_ptr<const detail::Prepared>& prepared() const { return prepared_; }

 private:
  std::shared_ptr<const detail::Prepared> prepared_;
};

}  // namespace ws
