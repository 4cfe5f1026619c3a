#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mod_ws::protocol {

/// The last two digits and the padding (RFC 4648 4, 5).
enum class Base64Alphabet : std::uint8_t {
  standard,  ///< "+/", padded with "=".
  url,       ///< "-_"; the padding may be left out.
};

/// Decodes text that comes in parts.
class Base64Decoder {
 public:
  explicit Base64Decoder(Base64Alphabet alphabet) : alphabet_(alphabet) {}

  /// Appends what `text` gives so far. False when it is no base64: then the decoder is of no more
  /// use.
  bool decode(std::span<const std::uint8_t> text, std::vector<std::uint8_t>& out);

  /// Whether the text may end here; and begins a new one.
  bool finish();

 private:
  Base64Alphabet alphabet_;
  std::uint8_t digits_ = 0;   // of the group under way
  std::uint8_t padding_ = 0;  // "=" in it
  std::uint32_t bits_ = 0;    // what these digits say
};

/// The whole of `bytes`, padded, in the standard alphabet.
std::string encode_base64(std::span<const std::uint8_t> bytes);

/// The bytes that `text` stands for; nothing when it is no base64.
std::optional<std::string> decode_base64(std::string_view text, Base64Alphabet alphabet);

}  // namespace mod_ws::protocol
