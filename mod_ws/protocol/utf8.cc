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

}  // namespace

bool Utf8Validator::receive(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    if (is_complete()) {
      bytes = bytes.subspan(ascii_prefix(bytes));
      if (bytes.empty()) break;
    }
    if (!receive_byte(bytes.front())) return false;
    bytes = bytes.subspan(1);
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
