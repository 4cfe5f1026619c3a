#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "tests/bench/load/message_set.h"

namespace mod_ws::bench {

/// Reads a server's frames and compares its messages with those expected, in turn. What differs
/// throws std::runtime_error.
class AnswerReader {
 public:
  explicit AnswerReader(const MessageSet& expected) : expected_(&expected) {}

  /// Takes all bytes; returns how many messages ended in them.
  std::size_t receive(std::span<const std::uint8_t> bytes);

  /// How many messages have ended.
  std::uint64_t message_count() const { return message_count_; }

  /// What a ping asks for, if one has come since the last call.
  std::string take_pong() { return std::exchange(pong_, {}); }

 private:
  std::span<const std::uint8_t> receive_header(std::span<const std::uint8_t> bytes);
  void begin_frame();
  void begin_message();
  void receive_payload(std::span<const std::uint8_t> piece);
  bool end_frame();
  bool end_control_frame();
  void end_message();
  bool is_control() const { return (first_byte_ & 0x08) != 0; }

  const MessageSet* expected_;
  std::uint64_t message_count_ = 0;
  std::uint64_t left_ = 0;          ///< Of the frame's payload.
  std::size_t offset_ = 0;          ///< In the message's payload.
  std::string header_;              ///< While it is not complete.
  std::string deflated_, control_;  ///< Payloads that are looked at as a whole.
  std::string pong_;
  std::uint8_t first_byte_ = 0;
  bool in_payload_ = false;
  bool is_compressed_ = false;
};

}  // namespace mod_ws::bench
