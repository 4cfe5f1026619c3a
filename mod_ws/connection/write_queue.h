#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mod_ws::connection {

/// Bytes the kernel did not take yet, in order. Holds memory only while it holds bytes.
class WriteQueue {
 public:
  bool empty() const { return !bytes_; }
  std::size_t size() const { return bytes_ ? bytes_->data.size() - bytes_->taken : 0; }

  void append(std::span<const std::uint8_t> bytes);
  std::span<const std::uint8_t> front() const;

  /// Drops `size` bytes from the front.
  void consume(std::size_t size);
  void clear() { bytes_.reset(); }

 private:
  struct Bytes {
    std::vector<std::uint8_t> data;
    std::size_t taken = 0;  // from the front; moved out once it is the larger half
  };
  std::unique_ptr<Bytes> bytes_;
};

}  // namespace mod_ws::connection
