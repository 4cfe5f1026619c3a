#include "mod_ws/protocol/utf8.h"

#include <cstddef>
#include <cstring>

namespace mod_ws::protocol {
namespace {

constexpr std::uint64_t high_bits = 0x8080808080808080;

std::uint64_t load_word(const std::uint8_t* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// How many bytes at the start of `bytes` are certainly ASCII: a multiple of 8, the loop that most
/// text stays in.
std::size_t ascii_prefix(std::span<const std::uint8_t> bytes) {
  std::size_t size = 0;
  for (; size + 32 <= bytes.size(); size += 32) {
    const std::uint8_t* at = bytes.data() + size;
    const std::uint64_t all =
        load_word(at) | load_word(at + 8) | load_word(at + 16) | load_word(at + 24);
    if ((all & high_bits) != 0) break;
  }
  while (size + 8 <= bytes.size() && (load_word(bytes.data() + size) & high_bits) == 0) size += 8;
  return size;
}

constexpr std::size_t invalid = 0;

constexpr bool is_between(std::uint32_t value, std::uint32_t low, std::uint32_t high) {
  return value - low <= high - low;
}

/// The length of the character at `at`, of which four bytes can be read; `invalid` if there is
/// none. Unicode table 3-7: a lead and its second byte tell overlong forms, surrogates and what is
/// above U+10FFFF; every further byte is 80 to BF.
inline std::size_t character_size(const std::uint8_t* at) {
  const std::uint32_t lead = at[0];
  if (lead < 0x80) return 1;
  const std::uint32_t second = at[1];
  if (lead < 0xE0) return lead >= 0xC2 && (second & 0xC0) == 0x80 ? 2 : invalid;
  const std::uint32_t first_two = lead << 8 | second;
  if (lead < 0xF0) {
    const bool good = (second & 0xC0) == 0x80 && (at[2] & 0xC0) == 0x80 && first_two >= 0xE0A0 &&
                      !is_between(first_two, 0xEDA0, 0xEDBF);
    return good ? 3 : invalid;
  }
  const bool good = (second & 0xC0) == 0x80 && (at[2] & 0xC0) == 0x80 && (at[3] & 0xC0) == 0x80 &&
                    is_between(first_two, 0xF090, 0xF48F);
  return good ? 4 : invalid;
}

}  // namespace

bool Utf8Validator::receive(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty() && !is_complete()) {
    if (!receive_byte(bytes.front())) return false;
    bytes = bytes.subspan(1);
  }
  // Whole characters, up to where one might be cut off.
  const std::uint8_t* at = bytes.data();
  const std::uint8_t* const end = at + bytes.size();
  while (end - at >= 8) {
    if ((load_word(at) & high_bits) == 0) {
      at += ascii_prefix({at, end});
      continue;
    }
    const std::uint8_t* const word_end = at + 4;
    while (at < word_end) {
      const std::size_t size = character_size(at);
      if (size == invalid) return false;
      at += size;
    }
  }
  while (at < end) {
    if (!receive_byte(*at++)) return false;
  }
  return true;
}

bool Utf8Validator::receive_byte(std::uint8_t byte) {
  if (continuations_left_ > 0) {
    if (byte < lowest_ || byte > highest_) return false;
    --continuations_left_;
    lowest_ = 0x80;
    highest_ = 0xBF;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4)
    return false;  // a continuation, an overlong form, or above U+10FFFF
  continuations_left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  // Only the second byte of these four leads is restricted further: overlong forms, surrogates,
  // above U+10FFFF.
  if (byte == 0xE0) lowest_ = 0xA0;
  if (byte == 0xED) highest_ = 0x9F;
  if (byte == 0xF0) lowest_ = 0x90;
  if (byte == 0xF4) highest_ = 0x8F;
  return true;
}

bool is_utf8(std::span<const std::uint8_t> bytes) {
  Utf8Validator validator;
  return validator.receive(bytes) && validator.is_complete();
}

}  // namespace mod_ws::protocol
