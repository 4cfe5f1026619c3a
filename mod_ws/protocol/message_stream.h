#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/permessage_deflate.h"
#include "mod_ws/protocol/utf8.h"
#include "mod_ws/protocol/violation.h"
#include "ws/message.h"

namespace mod_ws::protocol {

/// A good size for the space that MessageStream::next() inflates into.
inline constexpr std::size_t inflate_step_bytes = 16 << 10;

/// What is checked of a peer's messages.
struct MessageRules {
  std::uint64_t max_message_bytes = 0;  ///< 0: any size. Beyond: close 1009.
  bool checks_text = true;              ///< UTF-8 (RFC 6455 8.1); else close 1007.
};

/// The content of messages, stretch by stretch as it comes: unmasked where it lies, inflated
/// (RFC 7692), text and size checked on the way. A compressed message counts as it is inflated, so
/// one that swells costs no more than the limit. Holds no bytes of its own.
class MessageStream {
 public:
  enum class Result : std::uint8_t {
    output,     ///< Some of the message; call next() again.
    need_more,  ///< All that was given is through.
    message,    ///< The same, and the message is whole.
    violation,
  };

  /// `inflater` null: nothing was agreed on, and the frame parser lets no compressed message
  /// through.
  MessageStream(const MessageRules& rules, Inflater* inflater)
      : rules_(rules), inflater_(inflater) {}

  /// Takes a piece of a data frame, unmasked in place. Its bytes stay where they are until next()
  /// has no more output, or keep_input() has been called.
  void give(FramePiece& piece);

  /// `space` is for what is inflated; `output` lies there, or in the piece.
  Result next(std::span<std::uint8_t> space, std::span<std::uint8_t>& output);

  /// Copies what next() has not used yet to `kept`, and goes on from there: the piece may go.
  void keep_input(std::vector<std::uint8_t>& kept);

  ws::MessageType type() const { return type_; }
  bool is_compressed() const { return is_compressed_; }
  const Violation& violation() const { return violation_; }

 private:
  void begin_message(const FramePiece& piece);
  Result next_inflated(std::span<std::uint8_t> space, std::span<std::uint8_t>& output);
  Result check(std::span<const std::uint8_t> bytes, std::uint64_t more_to_come);
  Result end_piece();
  Result refuse(ws::CloseCode code, const char* reason);

  MessageRules rules_;
  Inflater* inflater_;
  std::uint64_t received_bytes_ = 0;  // of the message
  Utf8Validator utf8_;
  ws::MessageType type_ = ws::MessageType::text;
  bool is_compressed_ = false;
  bool ends_message_ = false;
  std::span<std::uint8_t> payload_;  // of the piece, if it is not compressed; until it is taken
  std::uint64_t payload_left_ = 0;
  Violation violation_{};
};

}  // namespace mod_ws::protocol
