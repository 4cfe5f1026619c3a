#pragma once

#include <cstdint>
#include <string>

namespace ws {

/// What a message's payload is; the values are the opcodes of RFC 6455 11.8.
enum class MessageType : std::uint8_t { text = 0x1, binary = 0x2 };

/// One whole message, fragments joined.
struct Message {
  MessageType type = MessageType::text;
  std::string payload;  ///< Valid UTF-8 when `type` is text (RFC 6455 8.1).
};

}  // namespace ws
