#pragma once

#include <cstdint>
#include <span>

#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/protocol/violation.h"

namespace mod_ws::protocol {

/// What a peer may send; 0: any size or number. Beyond: close 1009.
struct FrameLimits {
  std::uint64_t max_message_bytes = 0;
  std::uint64_t max_frame_bytes = 0;  ///< The payload of one data frame.
  std::uint32_t max_fragments = 0;    ///< Data frames of one message.

  bool operator==(const FrameLimits&) const = default;
};

inline constexpr FrameLimits no_limits{};

/// What one endpoint accepts from its peer.
struct FrameRules {
  Role role =
      Role::server;  ///< The receiving endpoint's: a server wants masked frames, a client does not.
  std::uint8_t allowed_rsv = 0;  ///< rsv1_bit when permessage-deflate was agreed (RFC 7692 6).
  /// Messages count as they come, compressed or not. False where whoever joins them counts what
  /// they are inflated to.
  bool limits_messages = false;
  const FrameLimits* limits = &no_limits;  ///< Outlives the parser.
};

/// A stretch of one frame as it lies in the caller's buffer: a whole control frame, or a data
/// frame's header with as much of its payload as has arrived, or a further stretch of that payload.
struct FramePiece {
  std::span<std::uint8_t>
      raw;  ///< The bytes as received, header included where the frame starts here.
  std::span<std::uint8_t> payload;       ///< The end of `raw`, still masked.
  MaskingKey masking_key{};              ///< As it stands at the payload's first byte.
  Opcode opcode = Opcode::continuation;  ///< The frame's own.
  bool fin = true;
  bool masked = false;
  std::uint8_t rsv = 0;
  bool starts_frame = true;
  bool ends_frame = true;
  std::uint64_t payload_left = 0;  ///< Bytes of this frame's payload that follow in later pieces.

  /// The last byte of the last fragment of a message.
  bool ends_message() const { return fin && ends_frame && !is_control(opcode); }
  void unmask() {
    if (masked) mask(payload, masking_key);
  }
};

/// Cuts a byte stream into frames and enforces the rules of RFC 6455 5 that a frame's header shows.
/// It keeps no bytes: what it cannot use yet stays in the caller's buffer.
class FrameParser {
 public:
  enum class Result : std::uint8_t { piece, need_more, violation };

  explicit FrameParser(const FrameRules& rules)
      : limits_(*rules.limits),
        role_(rules.role),
        allowed_rsv_(rules.allowed_rsv),
        limits_messages_(rules.limits_messages) {}

  /// Takes one piece from the start of `input`. On `need_more` what is left of `input`, at most
  /// `max_unparsed_bytes`, must stand before what arrives next. After a violation the parser is of
  /// no more use.
  Result next(std::span<std::uint8_t>& input, FramePiece& piece);

  /// Meaningful after Result::violation.
  const Violation& violation() const { return *violation_; }

  Role role() const { return role_; }

  /// Inside a data frame whose payload has not arrived whole.
  bool mid_frame() const { return open_frame_.payload_length > 0; }
  /// Of its payload, so much is still to come.
  std::uint64_t frame_bytes_left() const { return open_frame_.payload_length; }
  /// Between the fragments of a message, or inside one.
  bool mid_message() const { return in_message_ || mid_frame(); }

 private:
  Result start_frame(std::span<std::uint8_t>& input, FramePiece& piece);
  Result continue_frame(std::span<std::uint8_t>& input, FramePiece& piece);
  bool check(const FrameHeader& header, bool minimal_length);
  bool check_sequence(Opcode opcode);
  bool check_limits(const FrameHeader& header);
  bool refuse(const Violation& violation);

  // The rules, in the order that leaves no gaps: there are very many parsers.
  const FrameLimits& limits_;
  FrameHeader open_frame_;  // payload_length counts what is still to come
  union {
    std::uint64_t message_bytes_ = 0;  // of the message under way, the open frame's included
    const Violation* violation_;       // one of the constants in the source, when all is over
  };
  std::uint32_t fragments_ = 0;
  bool in_message_ = false;
  Role role_;
  std::uint8_t allowed_rsv_;
  bool limits_messages_;
};

/// A header and a whole control payload: what the parser may leave in the caller's buffer, less one
/// byte.
inline constexpr std::size_t max_unparsed_bytes = 2 + 4 + max_control_payload_bytes;

}  // namespace mod_ws::protocol
