#include "mod_ws/connection/write_queue.h"

namespace mod_ws::connection {

void WriteQueue::append(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  if (!bytes_) bytes_ = std::make_unique<Bytes>();
  bytes_->data.insert(bytes_->data.end(), bytes.begin(), bytes.end());
}

std::span<const std::uint8_t> WriteQueue::front() const {
  if (!bytes_) return {};
  return std::span<const std::uint8_t>(bytes_->data).subspan(bytes_->taken);
}

void WriteQueue::consume(std::size_t size) {
  if (size == 0) return;
  bytes_->taken += size;
  if (bytes_->taken == bytes_->data.size()) {
    bytes_.reset();
  } else if (bytes_->taken > bytes_->data.size() / 2) {
    bytes_->data.erase(bytes_->data.begin(),
                       bytes_->data.begin() + static_cast<std::ptrdiff_t>(bytes_->taken));
    bytes_->taken = 0;
  }
}

}  // namespace mod_ws::connection
