#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mod_ws/connection/connection.h"
#include "mod_ws/connection/message_compression.h"
#include "mod_ws/protocol/base64.h"
#include "mod_ws/protocol/message_stream.h"

namespace mod_ws::proxy {

/// What becomes of a message's payload on its way.
enum class PayloadChange : std::uint8_t {
  none,
  from_base64,  ///< For a byte stream. What is no base64: close 1007.
  to_base64,    ///< The other way round: binary becomes text.
};

/// Sends what comes in on one connection out on another one in frames of its own: for connections
/// that are not compressed in the same way. A message goes on as it comes, in as many fragments as
/// it takes; one that arrives whole leaves whole.
class MessageRewriter {
 public:
  enum class Result : std::uint8_t {
    through,  ///< All that was given has been sent.
    full,     ///< The other side does not take more; call send_rest() once it does.
    violation,
  };

  /// `in`, `out`: what is agreed with the sender and with the receiver; null: nothing.
  MessageRewriter(const protocol::MessageRules& rules, connection::MessageCompression* in,
                  connection::MessageCompression* out, PayloadChange change)
      : stream_(rules, in != nullptr ? &in->inflater() : nullptr), out_(out), change_(change) {}

  /// Where a message goes.
  struct Receiver {
    connection::Connection* connection;  ///< Null: it is left out.
    std::uint64_t max_queued_bytes;      ///< With more, it is full.
  };

  /// Takes a piece of a data frame.
  Result send(protocol::FramePiece& piece, const Receiver& to);

  /// Goes on after Result::full.
  Result send_rest(const Receiver& to);
  bool has_rest() const { return has_rest_; }

  /// Meaningful after Result::violation.
  const protocol::Violation& violation() const { return violation_; }

 private:
  using Bytes = std::span<const std::uint8_t>;

  Result pump(const Receiver& to);
  bool send_part(Bytes part, bool ends_message, connection::Connection* to);
  std::optional<Bytes> changed(Bytes part, bool ends_message);
  void send_changed(Bytes part, bool ends_message, connection::Connection& to);
  std::optional<Bytes> compress(Bytes part, bool ends_message);
  void send_frame(Bytes payload, bool ends_message, connection::Connection& to);

  protocol::MessageStream stream_;
  connection::MessageCompression* out_;
  PayloadChange change_;
  protocol::Violation violation_{};
  protocol::Base64Decoder decoder_{protocol::Base64Alphabet::standard};
  std::vector<std::uint8_t> decoded_;
  std::string encoded_;
  std::vector<std::uint8_t> rest_;  // of a compressed piece
  bool has_rest_ = false;
  // Of the message under way:
  bool part_sent_ = false;
  bool frame_sent_ = false;
  bool compresses_ = false;
};

}  // namespace mod_ws::proxy
