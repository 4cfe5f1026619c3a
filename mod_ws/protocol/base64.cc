#include "mod_ws/protocol/base64.h"

#include <algorithm>
#include <array>

namespace mod_ws::protocol {
namespace {

constexpr std::string_view standard_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xFF;

constexpr std::array<std::uint8_t, 256> values_of(char digit_62, char digit_63) {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::uint8_t value = 0; value < 62; ++value)
    values[static_cast<std::uint8_t>(standard_digits[value])] = value;
  values[static_cast<std::uint8_t>(digit_62)] = 62;
  values[static_cast<std::uint8_t>(digit_63)] = 63;
  return values;
}

constexpr auto standard_values = values_of('+', '/');
constexpr auto url_values = values_of('-', '_');

}  // namespace

bool Base64Decoder::decode(std::span<const std::uint8_t> text, std::vector<std::uint8_t>& out) {
  const auto& values = alphabet_ == Base64Alphabet::standard ? standard_values : url_values;
  for (const std::uint8_t byte : text) {
    if (byte == '=') {
      if (digits_ < 2 || digits_ + ++padding_ > 4) return false;
      continue;
    }
    const std::uint8_t value = values[byte];
    if (value == no_digit || padding_ > 0) return false;
    bits_ = bits_ << 6 | value;
    digits_ = (digits_ + 1) % 4;
    if (digits_ != 1) out.push_back(static_cast<std::uint8_t>(bits_ >> (8 - 2 * digits_) % 8));
  }
  return true;
}

bool Base64Decoder::finish() {
  const bool is_padded = digits_ + padding_ == 4 || (digits_ == 0 && padding_ == 0);
  const bool may_be_unpadded = alphabet_ == Base64Alphabet::url && padding_ == 0 && digits_ != 1;
  // RFC 4648 3.5: the bits that say nothing are zero, so that there is one text for each bytes.
  const std::uint32_t unused = digits_ == 2 ? 0xF : digits_ == 3 ? 0x3 : 0;
  const bool is_good = (is_padded || may_be_unpadded) && (bits_ & unused) == 0;
  *this = Base64Decoder(alphabet_);
  return is_good;
}

std::string encode_base64(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < count ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      text += j <= count ? standard_digits[bits >> (18 - 6 * j) & 0x3F] : '=';
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text, Base64Alphabet alphabet) {
  Base64Decoder decoder(alphabet);
  std::vector<std::uint8_t> bytes;
  const bool is_good =
      decoder.decode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, bytes);
  if (!is_good || !decoder.finish()) return std::nullopt;
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace mod_ws::protocol
