#pragma once

#include <optional>
#include <string_view>

#include "ws/close_code.h"
#include "ws/error.h"
#include "ws/message.h"
#include "ws/op.h"
#include "ws/request.h"

namespace ws {

namespace detail {

/// A session as mod_ws implements it. Handlers are modules of their own, so this is the binary
/// interface between the two: what is changed here changes `abi_version`.
class Session : public OpTarget<std::optional<Message>>,
                public OpTarget<Error>,
                public OpTarget<CloseStatus> {
 public:
  virtual const Request& request() const = 0;
  virtual std::string_view subprotocol() const = 0;
  virtual const CloseStatus& close_status() const = 0;
  virtual std::size_t buffered_amount() const = 0;

 protected:
  ~Session() = default;
};

}  // namespace detail

/// One WebSocket connection, for the coroutine that handles it. Used on its own loop's thread only.
/// Pings are answered by mod_ws.
class Conn {
 public:
  explicit Conn(detail::Session& session) : session_(session) {}
  Conn(const Conn&) = delete;
  Conn& operator=(const Conn&) = delete;

  /// The next whole message. Empty once the session is over: close_status() says why. While nobody
  /// reads, one message is held and the client is not read from (back-pressure).
  Op<std::optional<Message>> read() { return {session_, {}}; }

  /// Sends one message, in one frame. Resumes at once, or when the client has taken what is queued
  /// for it; the queue stays below WebSocketSendQueue. Text must be valid UTF-8.
  Op<Error> write(const Message& message) { return write(message.type, message.payload); }
  Op<Error> write(MessageType type, std::string_view payload) {
    return {session_, {.type = type, .payload = payload}};
  }

  /// Runs the closing handshake: sends Close, drops messages that still come, resumes with the
  /// client's status, or with 1006 when it did not answer within WebSocketCloseTimeout. A reason
  /// above 123 bytes is cut. (RFC 6455 7)
  Op<CloseStatus> close(CloseCode code = CloseCode::normal_closure, std::string_view reason = {}) {
    return {session_, {.payload = reason, .code = code}};
  }

  /// Why the session is over: the client's Close frame, or 1006. 1005 while it is not.
  const CloseStatus& close_status() const { return session_.close_status(); }

  const Request& request() const { return session_.request(); }

  /// The subprotocol that was agreed, empty if none.
  std::string_view subprotocol() const { return session_.subprotocol(); }

  /// Bytes that are queued because the client has not taken them yet.
  std::size_t buffered_amount() const { return session_.buffered_amount(); }

 private:
  detail::Session& session_;
};

}  // namespace ws
