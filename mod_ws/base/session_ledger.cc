#include "mod_ws/base/session_ledger.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace mod_ws::base {

/// Holds the ledger's lock; what a killed owner left half done is set right first.
class SessionLedger::Lock {
 public:
  explicit Lock(SessionLedger& ledger) : Lock(ledger, ledger.mutex_.lock()) {}
  /// Gives up after `patience_seconds`.
  Lock(SessionLedger& ledger, int patience_seconds)
      : Lock(ledger, ledger.mutex_.lock_for(patience_seconds)) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (is_held_) ledger_.mutex_.unlock();
  }

  explicit operator bool() const { return is_held_; }

 private:
  Lock(SessionLedger& ledger, SharedMutex::Taken taken)
      : ledger_(ledger), is_held_(taken != SharedMutex::Taken::no) {
    if (taken == SharedMutex::Taken::from_the_dead) ledger.count_anew();
  }

  SessionLedger& ledger_;
  bool is_held_;
};

std::unique_ptr<SessionLedger, SessionLedger::Unmap> SessionLedger::create(std::uint32_t capacity) {
  const std::size_t size_bytes =
      sizeof(SessionLedger) + std::size_t{capacity} * (sizeof(Entry) + sizeof(Sum));
  void* const memory = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return std::unique_ptr<SessionLedger, Unmap>(new (memory) SessionLedger(capacity, size_bytes));
}

void SessionLedger::Unmap::operator()(SessionLedger* ledger) const {
  ::munmap(ledger, ledger->size_bytes_);
}

SessionLedger::SessionLedger(std::uint32_t capacity, std::size_t size_bytes)
    : capacity_(capacity), size_bytes_(size_bytes) {
  // Without random bytes the hash can be predicted, and is as good a hash otherwise.
  [[maybe_unused]] const auto filled =
      ::getrandom(hash_key_.data(), sizeof hash_key_, GRND_NONBLOCK);
  std::fill(std::begin(buckets_), std::end(buckets_), none);
}

SessionLedger::Answer SessionLedger::take(std::span<const Share> shares) {
  const Lock lock(*this);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Number sum = find_sum(shares[i].key);
    const std::int64_t amount = sum == none ? 0 : sums()[sum].amount;
    if (amount > shares[i].limit - shares[i].amount) return {{}, i};
  }
  if (!has_room(shares.size())) return {};
  Number first = none;
  for (const Share& share : shares) first = new_entry(share, first);
  return {Place(this, first), std::nullopt};
}

std::int64_t SessionLedger::held(std::uint64_t key) {
  const Lock lock(*this);
  const Number sum = find_sum(key);
  return sum == none ? 0 : sums()[sum].amount;
}

bool SessionLedger::give_back_if(const IsGone& is_gone, const OnGivenBack& on_given_back) {
  const Lock lock(*this, 1);
  if (!lock) return false;
  pid_t asked = 0;
  bool gone = false;
  for (Number number = 0; number < entries_used_; ++number) {
    const Entry& entry = entries()[number];
    const pid_t owner = entry.owner;
    if (owner == 0) continue;
    if (owner != asked) gone = is_gone(owner);
    asked = owner;
    if (!gone) continue;
    const auto [key, note] = std::pair(entry.key, entry.note);
    free_entry(number);
    on_given_back(key, note);
  }
  return true;
}

void SessionLedger::change_owner(pid_t from, pid_t to) {
  const Lock lock(*this);
  for (Number number = 0; number < entries_used_; ++number) {
    Entry& entry = entries()[number];
    if (entry.owner == from) entry.owner = to;
  }
}

void SessionLedger::give_back(Number first) {
  const Lock lock(*this);
  for (Number number = first; number != none && entries()[number].owner == ::getpid();) {
    const Number next = entries()[number].next;
    free_entry(number);
    number = next;
  }
}

void SessionLedger::free_entry(Number number) {
  Entry& entry = entries()[number];
  entry.owner = 0;
  add(entry.key, -entry.amount);
  entry.next = std::exchange(free_entries_, number);
  ++free_entry_count_;
}

SessionLedger::Number SessionLedger::new_entry(const Share& share, Number next) {
  Number number = entries_used_;
  if (free_entries_ != none) {
    number = std::exchange(free_entries_, entries()[free_entries_].next);
    --free_entry_count_;
  } else {
    ++entries_used_;
  }
  Entry& entry = entries()[number];
  entry.key = share.key;
  entry.amount = share.amount;
  entry.note = share.note;
  entry.next = next;
  entry.owner = ::getpid();
  add(share.key, share.amount);
  return number;
}

bool SessionLedger::has_room(std::size_t entries) const {
  return std::size_t{capacity_ - entries_used_} + free_entry_count_ >= entries;
}

/// Where the number of the key's sum stands: none if there is no sum.
SessionLedger::Number& SessionLedger::find_sum(std::uint64_t key) {
  Number* link = &buckets_[key % bucket_count];
  while (*link != none && sums()[*link].key != key) link = &sums()[*link].next;
  return *link;
}

/// There are as many sums as entries, and so never too few.
void SessionLedger::add(std::uint64_t key, std::int64_t amount) {
  Number& link = find_sum(key);
  if (link == none) {
    const Number fresh =
        free_sums_ != none ? std::exchange(free_sums_, sums()[free_sums_].next) : sums_used_++;
    sums()[fresh] = {key, 0, none};
    link = fresh;
  }
  Sum& sum = sums()[link];
  sum.amount += amount;
  if (sum.amount != 0) return;
  const Number unused = std::exchange(link, sum.next);
  sum.next = std::exchange(free_sums_, unused);
}

void SessionLedger::count_anew() {
  std::fill(std::begin(buckets_), std::end(buckets_), none);
  sums_used_ = free_entry_count_ = 0;
  free_sums_ = free_entries_ = none;
  for (Number number = 0; number < entries_used_; ++number) {
    Entry& entry = entries()[number];
    if (entry.owner != 0) {
      add(entry.key, entry.amount);
    } else {
      entry.next = std::exchange(free_entries_, number);
      ++free_entry_count_;
    }
  }
}

}  // namespace mod_ws::base
