#include "mod_ws/protocol/masking.h"

#include <cstring>

namespace mod_ws::protocol {

void mask(std::span<std::uint8_t> payload, const MaskingKey& key) {
  std::uint64_t wide_key;
  const std::array<MaskingKey, 2> twice{key, key};
  std::memcpy(&wide_key, twice.data(), sizeof wide_key);

  std::uint8_t* byte = payload.data();
  std::size_t left = payload.size();
  // Eight bytes a step, which both compilers turn into vector instructions; memcpy because a
  // payload is not aligned.
  for (; left >= sizeof wide_key; left -= sizeof wide_key, byte += sizeof wide_key) {
    std::uint64_t word;
    std::memcpy(&word, byte, sizeof word);
    word ^= wide_key;
    std::memcpy(byte, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i) byte[i] ^= key[i % 4];
}

}  // namespace mod_ws::protocol
