#pragma once

#include <cstdint>

#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/utf8.h"
#include "mod_ws/protocol/violation.h"
#include "ws/message.h"

namespace mod_ws::protocol {

/// Joins the pieces of data frames to messages: unmasks them where they lie, checks text as it
/// comes (RFC 6455 8.1), and holds the size limit before it takes a frame's bytes.
class MessageAssembler {
 public:
  enum class Result : std::uint8_t { message, need_more, violation };

  /// `max_message_bytes` 0: any size. Beyond it: close 1009.
  explicit MessageAssembler(std::uint64_t max_message_bytes)
      : max_message_bytes_(max_message_bytes) {}

  /// Takes a piece of a data frame; its payload is unmasked in place. On `message` the message is
  /// whole.
  Result receive(FramePiece& piece);

  /// The whole message, moved out; once after Result::message.
  ws::Message take_message() { return std::move(message_); }

  const Violation& violation() const { return violation_; }

 private:
  Result refuse(ws::CloseCode code, const char* reason);

  std::uint64_t max_message_bytes_;
  ws::Message message_;
  Utf8Validator utf8_;
  Violation violation_{};
};

}  // namespace mod_ws::protocol
