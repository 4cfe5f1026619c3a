#include "mod_ws/engine/loop_buffers.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mod_ws::engine {

std::span<std::uint8_t> ReceiveBuffer::joined(std::span<const std::uint8_t> kept,
                                              std::size_t received) {
  assert(kept.size() <= headroom_bytes);
  const std::size_t start = headroom_bytes - kept.size();
  std::copy(kept.begin(), kept.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(start));
  return std::span(bytes_).subspan(start, kept.size() + received);
}

void GatherBuffer::make_room(Owner& owner, std::size_t size) {
  if (owner_ != &owner || bytes_.size() + size > size_bytes_) flush();
  owner_ = &owner;
}

std::span<std::uint8_t> GatherBuffer::append(std::span<const std::uint8_t> bytes) {
  const std::size_t start = bytes_.size();
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return std::span(bytes_).subspan(start);
}

void GatherBuffer::flush() {
  Owner* const owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  try {
    owner->send_gathered(bytes_);
  } catch (...) {
    bytes_.clear();  // the next owner's peer must not get them
    throw;
  }
  // A single frame larger than the buffer has made it grow; that memory is not kept.
  if (bytes_.capacity() > 2 * size_bytes_) std::vector<std::uint8_t>().swap(bytes_);
  bytes_.clear();
}

void GatherBuffer::drop(const Owner& owner) {
  if (owner_ != &owner) return;
  owner_ = nullptr;
  bytes_.clear();
}

}  // namespace mod_ws::engine
