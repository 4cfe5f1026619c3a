#include "mod_ws/protocol/masking.h"

#include <array>
#include <cstring>

// One function for each width of vector registers; the loader takes the one for this processor,
// before ThreadSanitizer is there, which wants to see that.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define FOR_EACH_VECTOR_WIDTH __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_VECTOR_WIDTH
#endif

namespace mod_ws::protocol {
namespace {

/// 32 bytes: one register where the processor has such, else several.
using Block = std::uint64_t __attribute__((vector_size(32)));

/// A payload may lie anywhere, and a block would have to be aligned; copying one is a single move.
inline __attribute__((always_inline)) void mask_block(std::uint8_t* bytes, const Block& key) {
  Block block;
  std::memcpy(&block, bytes, sizeof block);
  block ^= key;
  std::memcpy(bytes, &block, sizeof block);
}

}  // namespace

FOR_EACH_VECTOR_WIDTH void mask(std::span<std::uint8_t> payload, const MaskingKey& key) {
  const std::array<MaskingKey, 2> twice{key, key};
  std::uint64_t word;
  std::memcpy(&word, &twice, sizeof word);
  const Block wide_key{word, word, word, word};

  std::uint8_t* byte = payload.data();
  std::size_t left = payload.size();
  for (; left >= 4 * sizeof(Block); left -= 4 * sizeof(Block), byte += 4 * sizeof(Block)) {
    mask_block(byte, wide_key);
    mask_block(byte + sizeof(Block), wide_key);
    mask_block(byte + 2 * sizeof(Block), wide_key);
    mask_block(byte + 3 * sizeof(Block), wide_key);
  }
  for (; left >= sizeof word; left -= sizeof word, byte += sizeof word) {
    std::uint64_t eight_bytes;
    std::memcpy(&eight_bytes, byte, sizeof eight_bytes);
    eight_bytes ^= word;
    std::memcpy(byte, &eight_bytes, sizeof eight_bytes);
  }
  for (std::size_t i = 0; i < left; ++i) byte[i] ^= key[i % 4];
}

}  // namespace mod_ws::protocol
