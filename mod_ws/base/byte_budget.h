#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace mod_ws::base {

/// A sum of bytes that may be in use at once, counted where several processes may see it. Any
/// thread.
class ByteBudget {
 public:
  using Counter = std::atomic<std::int64_t>;
  static_assert(Counter::is_always_lock_free, "it is shared between processes");

  /// Bytes in use, given back when it is destroyed.
  class Reservation {
   public:
    Reservation(Counter& used, std::int64_t bytes) : used_(&used), bytes_(bytes) {}
    Reservation(Reservation&& other) noexcept
        : used_(std::exchange(other.used_, nullptr)), bytes_(other.bytes_) {}
    Reservation& operator=(Reservation&& other) noexcept {
      std::swap(used_, other.used_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Reservation() {
      if (used_ != nullptr) used_->fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    Counter* used_;
    std::int64_t bytes_;
  };

  /// `used` outlives the budget and all reservations.
  ByteBudget(Counter& used, std::int64_t limit_bytes) : used_(used), limit_bytes_(limit_bytes) {}

  /// Nothing when `bytes` more would be too much.
  std::optional<Reservation> reserve(std::int64_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_bytes_)
      return Reservation(used_, bytes);
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return std::nullopt;
  }

 private:
  Counter& used_;
  std::int64_t limit_bytes_;
};

}  // namespace mod_ws::base
