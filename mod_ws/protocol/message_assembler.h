#pragma once

#include <string>
#include <utility>

#include "mod_ws/protocol/message_stream.h"

namespace mod_ws::protocol {

/// Joins the pieces of data frames to messages.
class MessageAssembler {
 public:
  enum class Result : std::uint8_t { message, need_more, violation };

  explicit MessageAssembler(const MessageRules& rules, Inflater* inflater = nullptr)
      : stream_(rules, inflater) {}

  /// Takes a piece of a data frame; its payload is unmasked in place. On `message` the message is
  /// whole.
  Result receive(FramePiece& piece);

  /// The whole message, moved out; once after Result::message.
  ws::Message take_message() { return {stream_.type(), take_piece()}; }

  ws::MessageType type() const { return stream_.type(); }

  /// What has come of an incomplete message since the last call, moved out: for a reader that does
  /// not want to hold it all. Once it is used, take_message() has no more than the rest.
  std::string take_piece() { return std::exchange(payload_, {}); }

  const Violation& violation() const { return stream_.violation(); }

 private:
  MessageStream stream_;
  std::string payload_;
};

}  // namespace mod_ws::protocol
