#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/permessage_deflate.h"
#include "mod_ws/protocol/utf8.h"
#include "mod_ws/protocol/violation.h"
#include "ws/message.h"

namespace mod_ws::protocol {

/// Joins the pieces of data frames to messages: unmasks them where they lie, inflates what is
/// compressed (RFC 7692), checks text as it comes (RFC 6455 8.1), and holds the size limit before
/// it takes the bytes.
class MessageAssembler {
 public:
  enum class Result : std::uint8_t { message, need_more, violation };

  /// `max_message_bytes` 0: any size. Beyond it: close 1009. Compressed messages count as they are
  /// inflated, so one that swells costs no more than the limit. `inflater` null: nothing was agreed
  /// on, and the frame parser lets no compressed message through.
  explicit MessageAssembler(std::uint64_t max_message_bytes, Inflater* inflater = nullptr)
      : max_message_bytes_(max_message_bytes), inflater_(inflater) {}

  /// Takes a piece of a data frame; its payload is unmasked in place. On `message` the message is
  /// whole.
  Result receive(FramePiece& piece);

  /// The whole message, moved out; once after Result::message.
  ws::Message take_message() { return std::move(message_); }

  ws::MessageType type() const { return message_.type; }

  /// What has come of an incomplete message since the last call, moved out: for a reader that does
  /// not want to hold it all. Once it is used, take_message() has no more than the rest.
  std::string take_piece() { return std::exchange(message_.payload, {}); }

  const Violation& violation() const { return violation_; }

 private:
  void begin_message(const FramePiece& piece);
  bool take(std::span<const std::uint8_t> bytes, std::uint64_t more_to_come);
  bool inflate(std::span<const std::uint8_t> payload, bool ends_message);
  bool refuse(ws::CloseCode code, const char* reason);

  std::uint64_t max_message_bytes_;
  Inflater* inflater_;
  std::uint64_t received_bytes_ = 0;  // of the message, taken out or not
  ws::Message message_;
  Utf8Validator utf8_;
  bool is_compressed_ = false;
  Violation violation_{};
};

}  // namespace mod_ws::protocol
