#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "mod_ws/protocol/message_stream.h"

namespace mod_ws::protocol {

/// Joins the pieces of data frames to messages.
class MessageAssembler {
 public:
  enum class Result : std::uint8_t {
    message,  ///< The message is whole.
    need_more,
    full,  ///< As much is held as was allowed; go_on() has more.
    violation,
  };

  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  explicit MessageAssembler(const MessageRules& rules, Inflater* inflater = nullptr)
      : stream_(rules, inflater) {}

  /// Takes a piece of a data frame; its payload is unmasked in place. A compressed one may swell:
  /// where somebody takes what there is piece by piece, no more than about `hold_bytes` are held.
  Result receive(FramePiece& piece, std::size_t hold_bytes = all);

  /// After Result::full, once what was held has been taken or more may be held.
  Result go_on(std::size_t hold_bytes);
  bool has_rest() const { return has_rest_; }
  /// Nothing is held that has not been taken.
  bool is_empty() const { return payload_.empty(); }

  /// The whole message, moved out; once after Result::message.
  ws::Message take_message() { return {stream_.type(), take_piece()}; }

  ws::MessageType type() const { return stream_.type(); }

  /// What has come of an incomplete message since the last call, moved out: for a reader that does
  /// not want to hold it all. Once it is used, take_message() has no more than the rest.
  std::string take_piece() { return std::exchange(payload_, {}); }

  const Violation& violation() const { return stream_.violation(); }

 private:
  void append(std::span<const std::uint8_t> bytes, std::uint64_t announced_bytes);

  MessageStream stream_;
  std::string payload_;
  std::vector<std::uint8_t> rest_;  // of a compressed piece
  std::uint64_t payload_left_ = 0;  // of the frame
  bool has_rest_ = false;
};

}  // namespace mod_ws::protocol
