#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "mod_ws/base/keyed_hash.h"
#include "mod_ws/base/shared_mutex.h"

namespace mod_ws::base {

/// What the sessions of several processes hold, in memory that these processes share: each holding
/// is an entry that names its process, and the sums are counted by key. What a process held when it
/// was killed can so be given back by another one. Any thread of any process that was forked after
/// create().
///
/// One lock protects all of it. The kernel passes it on when its owner dies, and the next owner
/// counts the sums anew from the entries; so they are exact always.
class SessionLedger {
 public:
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

  /// `amount` more of what `key` stands for, if the sum stays within the limit.
  struct Share {
    std::uint64_t key;
    std::int64_t amount = 1;
    std::int64_t limit = unlimited;
    void* note = nullptr;  ///< The caller's own; see give_back_if().
  };

  /// What a session holds, given back when this is destroyed, unless another process has it by
  /// then: of a forked process's copy and its original, the one that owns the entries counts. May
  /// be empty.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : ledger_(std::exchange(other.ledger_, nullptr)), first_(other.first_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(ledger_, other.ledger_);
      std::swap(first_, other.first_);
      return *this;
    }
    ~Place() {
      if (ledger_ != nullptr) ledger_->give_back(first_);
    }

    explicit operator bool() const { return ledger_ != nullptr; }

   private:
    friend class SessionLedger;
    Place(SessionLedger* ledger, std::uint32_t first) : ledger_(ledger), first_(first) {}

    SessionLedger* ledger_ = nullptr;
    std::uint32_t first_ = 0;  // entry
  };

  struct Unmap {
    void operator()(SessionLedger* ledger) const;
  };

  /// A ledger with room for that many entries, in memory that forked processes share; its pages
  /// cost nothing until they are used. Null, with errno, when there is none.
  static std::unique_ptr<SessionLedger, Unmap> create(std::uint32_t capacity);

  struct Answer {
    Place place;                      ///< Empty when nothing was taken.
    std::optional<std::size_t> full;  ///< The first share that is beyond its limit. Without one and
                                      ///< without a place, all entries are in use.
  };

  /// All of the shares, at least one and each with another key, or nothing of them; for the calling
  /// process.
  Answer take(std::span<const Share> shares);

  /// The sum of what is held of `key`.
  std::int64_t held(std::uint64_t key);

  using IsGone = std::function<bool(pid_t)>;
  using OnGivenBack = std::function<void(std::uint64_t key, void* note)>;

  /// Gives back what the processes hold that are gone, and tells of each entry. Neither function
  /// may use the ledger. Nothing, and false, when the lock is not to be had within a second: its
  /// owner has been stopped.
  bool give_back_if(const IsGone& is_gone, const OnGivenBack& on_given_back);

  /// What `from` holds is `to`'s from now on; places stay valid.
  void change_owner(pid_t from, pid_t to);

  /// For keys: the same hash in all processes, and one that clients cannot aim at.
  std::uint64_t hash(std::string_view bytes) const { return keyed_hash(hash_key_, bytes); }

 private:
  using Number = std::uint32_t;
  static constexpr Number none = std::numeric_limits<Number>::max();
  static constexpr std::size_t bucket_count = 1 << 16;

  struct Entry {
    std::uint64_t key;
    std::int64_t amount;
    void* note;
    // 0: free. Written last, so that an entry with an owner is always whole.
    std::atomic<pid_t> owner;
    Number next;  // of the same place, or the next free one
  };
  struct Sum {
    std::uint64_t key;
    std::int64_t amount;
    Number next;  // in the same bucket, or the next free one
  };
  class Lock;

  SessionLedger(std::uint32_t capacity, std::size_t size_bytes);
  void give_back(Number first);
  void free_entry(Number number);
  Number new_entry(const Share& share, Number next);
  bool has_room(std::size_t entries) const;
  Number& find_sum(std::uint64_t key);
  void add(std::uint64_t key, std::int64_t amount);
  void count_anew();
  Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
  Sum* sums() { return reinterpret_cast<Sum*>(entries() + capacity_); }

  SharedMutex mutex_;
  std::uint32_t capacity_;
  std::size_t size_bytes_;
  HashKey hash_key_{};
  // Entries and sums behind these numbers have never been used.
  Number entries_used_ = 0;
  Number sums_used_ = 0;
  Number free_entries_ = none;
  Number free_entry_count_ = 0;
  Number free_sums_ = none;
  Number buckets_[bucket_count];
  // The entries and the sums follow.
};

}  // namespace mod_ws::base
