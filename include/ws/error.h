#pragma once

#include <cstdint>

namespace ws {

/// What an operation on a connection came to. False when it succeeded, so `if (auto error =
/// co_await ...)` reads as it should.
class [[nodiscard]] Error {
 public:
  enum class Reason : std::uint8_t {
    none,
    closed,      ///< A Close frame has been sent, or the connection has ended: it was not sent, or
                 ///< not whole.
    not_utf8,    ///< A text message is no valid UTF-8 (RFC 6455 8.1): it was not sent.
    finished,    ///< The message has been finished already, and this piece was not sent.
    queue_full,  ///< More than WebSocketSendQueue waits for the peer: it was not sent.
  };

  Error(Reason reason = Reason::none) : reason_(reason) {}  // NOLINT: a reason is an error

  explicit operator bool() const { return reason_ != Reason::none; }
  Reason reason() const { return reason_; }
  const char* message() const {
    switch (reason_) {
      case Reason::none:
        return "no error";
      case Reason::closed:
        return "the connection is closed";
      case Reason::not_utf8:
        return "the text is not UTF-8";
      case Reason::finished:
        return "the message is finished";
      case Reason::queue_full:
        return "the peer is too slow";
    }
    return "";
  }

 private:
  Reason reason_;
};

}  // namespace ws
