#pragma once

#include <atomic>
#include <cstdint>

namespace mod_ws::engine {

/// Whose code, which is not mod_ws's own and may block, runs on a loop's thread. Written there, and
/// read by a Watchdog on another thread.
class GuestBook {
 public:
  /// A guest's code runs as long as this lives. Visits may lie in each other.
  class Visit {
   public:
    /// `guest` lives as long as the process; null: nobody who has a name.
    Visit(GuestBook& book, const char* guest) : book_(book), host_(book.guest()) {
      book_.enter(guest);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() { book_.enter(host_); }

   private:
    GuestBook& book_;
    const char* host_;
  };

  /// Null: nobody.
  const char* guest() const { return guest_.load(std::memory_order_relaxed); }

  /// Another one each time somebody comes or goes. Whoever reads it before guest() does not take an
  /// earlier guest for the one of this entry.
  std::uint32_t entry() const { return entry_.load(std::memory_order_acquire); }

 private:
  void enter(const char* guest) {
    guest_.store(guest, std::memory_order_relaxed);
    entry_.store(entry_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  std::atomic<const char*> guest_{nullptr};
  std::atomic<std::uint32_t> entry_{0};
};

}  // namespace mod_ws::engine
