#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "ws/close_code.h"
#include "ws/error.h"
#include "ws/prepared_message.h"

namespace ws {

/// Sends on a connection from anywhere: any thread, any time, longer than the connection lives.
/// Copies send on the same one. What one thread sends arrives in its order.
class Sender {
 public:
  explicit Sender(std::shared_ptr<detail::SenderTarget> target) : target_(std::move(target)) {}

  /// Queues a message; never waits. An Error when the session is over, the text is not UTF-8, or
  /// more than WebSocketSendQueue waits to be taken: nothing was queued then.
  Error send(const PreparedMessage& message) { return target_->send(message.prepared()); }
  Error send(MessageType type, std::string_view payload) { return send({type, payload}); }

  /// Closes the session, with the limits of Conn::close(), which has its meaning here too.
  void close(CloseCode code = CloseCode::normal_closure, std::string_view reason = {}) {
    target_->close({code, std::string(reason)});
  }

 private:
  std::shared_ptr<detail::SenderTarget> target_;
};

}  // namespace ws
