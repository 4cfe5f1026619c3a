#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mod_ws::protocol {

/// Four bytes, in wire order (RFC 6455 5.3).
using MaskingKey = std::array<std::uint8_t, 4>;

/// Masks or unmasks `payload` in place; `key[0]` belongs to its first byte. (RFC 6455 5.3)
void mask(std::span<std::uint8_t> payload, const MaskingKey& key);

/// The key as it stands `offset` payload bytes later, for a payload that comes in pieces.
constexpr MaskingKey rotated(const MaskingKey& key, std::uint64_t offset) {
  return {key[offset % 4], key[(offset + 1) % 4], key[(offset + 2) % 4], key[(offset + 3) % 4]};
}

}  // namespace mod_ws::protocol
