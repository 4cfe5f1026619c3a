#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mod_ws::bench {

struct Content {
  std::size_t payload_bytes = 32;
  bool is_binary = false;
  bool is_json = false;
  /// By permessage-deflate without context takeover.
  bool is_compressed = false;
};

/// The messages that a client sends in turn, different from each other unless they are tiny, so
/// that a lost or a repeated one shows.
class MessageSet {
 public:
  static constexpr std::size_t count = 16;

  explicit MessageSet(const Content& content);

  /// The masked frame of the message with this number.
  std::span<const std::uint8_t> frame(std::uint64_t number) const {
    return messages_[number % count].frame;
  }
  std::string_view payload(std::uint64_t number) const { return messages_[number % count].payload; }
  const Content& content() const { return content_; }

 private:
  struct Message {
    std::string payload;
    std::vector<std::uint8_t> frame;
  };
  Content content_;
  std::vector<Message> messages_;
};

/// A masked frame, complete.
std::vector<std::uint8_t> masked_frame(std::uint8_t first_byte, std::string_view payload);

/// What RFC 7692 makes of a message, and back; errors throw.
std::string deflate_message(std::string_view payload);
std::string inflate_message(std::string_view deflated, std::size_t max_bytes);

}  // namespace mod_ws::bench
