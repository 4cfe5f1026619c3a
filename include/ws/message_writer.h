#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "ws/error.h"
#include "ws/message.h"
#include "ws/op.h"

namespace ws {

/// One message that is sent in pieces, each a fragment (RFC 6455 5.4): for what is too big to hold,
/// or not known yet. From its first piece to its end, what others write on the connection waits.
/// One that is destroyed before finish() ends its message where it is. Lives no longer than its
/// Conn.
class MessageWriter {
 public:
  MessageWriter(Conn& conn, MessageType type, std::uint32_t number)
      : conn_(&conn), type_(type), number_(number) {}
  MessageWriter(MessageWriter&& other) noexcept
      : conn_(std::exchange(other.conn_, nullptr)), type_(other.type_), number_(other.number_) {}
  MessageWriter& operator=(MessageWriter&&) = delete;
  ~MessageWriter();

  /// Sends the next piece. Resumes at once, or when the peer has taken what is queued for it. A
  /// character of a text may be cut between two pieces; what is no UTF-8 is not sent, which the
  /// Error says.
  Op<Error> write(std::string_view piece) {
    return {*conn_,
            {.payload = piece, .type = type_, .sent = detail::Sent::fragment, .number = number_}};
  }

  /// Sends the last piece, which may be empty. What is written here afterwards is
  /// not sent: Error::Reason::finished.
  Op<Error> finish(std::string_view piece = {}) {
    return {
        *conn_,
        {.payload = piece, .type = type_, .sent = detail::Sent::last_fragment, .number = number_}};
  }

 private:
  Conn* conn_;
  MessageType type_;
  std::uint32_t number_;  // of the message in its session
};

}  // namespace ws
