#pragma once

#include <cstdint>
#include <span>

namespace mod_ws::protocol {

/// Checks UTF-8 (RFC 3629, Unicode table 3-7) that comes in pieces, and sees the first byte that
/// cannot be part of it at once: no overlong forms, no surrogates, nothing above U+10FFFF.
class Utf8Validator {
 public:
  /// False from the first byte on that no valid text can continue with; then the validator is of no
  /// more use.
  bool receive(std::span<const std::uint8_t> bytes);

  /// Whether what came so far ends with a whole character. An empty text does.
  bool is_complete() const { return continuations_left_ == 0; }

  void reset() { *this = {}; }

 private:
  bool receive_byte(std::uint8_t byte);

  // What the next byte may be, while a character is open.
  std::uint8_t continuations_left_ = 0;
  std::uint8_t lowest_ = 0x80;
  std::uint8_t highest_ = 0xBF;
};

/// Whether `bytes` is valid UTF-8 as a whole.
bool is_utf8(std::span<const std::uint8_t> bytes);

}  // namespace mod_ws::protocol
