#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <typeindex>
#include <utility>
#include <vector>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/engine/drain.h"
#include "mod_ws/engine/guest_book.h"
#include "mod_ws/engine/loop_buffers.h"
#include "mod_ws/engine/mailbox.h"
#include "mod_ws/engine/random_source.h"
#include "mod_ws/engine/resident.h"
#include "mod_ws/engine/timer_wheel.h"

namespace mod_ws::engine {

/// What a descriptor is ready for.
struct Readiness {
  bool readable;
  bool writable;
  bool broken;  ///< Reset, or shut in both directions. Told whether asked for or not.
};

/// What a descriptor is watched for.
enum class Interest : unsigned char { none, read, write, read_write };

/// Told when its descriptor is ready. What it throws is logged, and is no matter of other sessions.
/// It owns what it gathers, if it does: one base class, and one word, less in every session.
class Watcher : public GatherBuffer::Owner {
 public:
  virtual void on_ready(Readiness ready) = 0;
  void send_gathered(std::span<const std::uint8_t>) override {}

 protected:
  virtual ~Watcher() = default;

 private:
  friend class EventLoop;
  bool awaits_revisit_ = false;
};

struct LoopOptions {
  std::size_t receive_buffer_bytes = 72 << 10;
  std::size_t gather_buffer_bytes = 64 << 10;
};

/// One thread's sessions, timers and buffers. Nothing here is shared: other threads post letters.
class EventLoop {
 public:
  /// Throws std::system_error when the kernel gives no descriptors.
  explicit EventLoop(const LoopOptions& options);
  ~EventLoop();

  // Any thread.

  void post(Mailbox::Letter letter) { mailbox_.post(std::move(letter)); }

  /// Hands a session over; it is counted at once and adopted on the loop's thread.
  void post_adoption(std::unique_ptr<Resident> resident);

  /// How many sessions live here or are on their way.
  std::size_t resident_count() const { return resident_count_.load(std::memory_order_relaxed); }

  /// Makes room in the kernel for watching a descriptor, so that watch_reserved() cannot fail.
  /// False, with errno, where there is none. Other events of the descriptor's are dropped till
  /// then.
  [[nodiscard]] bool reserve_watch(int fd);
  /// For a descriptor that is not going to be watched; before it is closed.
  void cancel_reserved_watch(int fd);

  /// Where the code of handlers says that it runs, on the loop's thread.
  GuestBook& guest_book() { return guest_book_; }

  /// Tells every session to go away, and makes run() return when the last has gone, or at the end
  /// of `grace`.
  void post_stop(std::chrono::milliseconds grace);

  /// Sends the sessions that live here away, in the time that the plan gives them.
  void post_drain(const DrainPlan& plan);

  /// Makes run() return soon, and leaves everything as it is: run() goes on with it, in this
  /// process or in one that is forked from it meanwhile.
  void post_pause();

  /// Runs the loop on the calling thread until it is stopped or paused; sessions that are left when
  /// it is stopped are destroyed.
  void run();

  /// While what is returned lives, no thread is in the middle of posting.
  std::unique_lock<std::mutex> hold_mail() { return mailbox_.hold(); }

  /// The loop that runs on the calling thread; null on others.
  static EventLoop* current();

  // The loop's thread only.

  /// Level-triggered. False, with errno, when the kernel has no room for it.
  [[nodiscard]] bool watch(int fd, Interest interest, Watcher& watcher);
  /// The same for a descriptor for which reserve_watch() may have been called.
  [[nodiscard]] bool watch_reserved(int fd, Interest interest, Watcher& watcher);
  void change_interest(int fd, Interest interest, Watcher& watcher);
  void unwatch(int fd, Watcher& watcher);

  /// As post_adoption(), at once.
  void adopt(std::unique_ptr<Resident> resident);

  /// Calls on_ready(readable) in the next turn, whatever the descriptor says: for bytes that are
  /// held above the kernel.
  void revisit(Watcher& watcher);

  /// Ends a session; it is destroyed after the turn's last event, so that events already fetched
  /// find it alive. Once is enough.
  void retire(Resident& resident);

  /// Keeps a watcher that is not watched any more until the turn's last event: one that has been
  /// fetched already may be for it.
  void release_later(std::shared_ptr<void> object) { released_.push_back(std::move(object)); }

  /// Counted from the turn's beginning.
  void set_timer(Timer& timer, std::chrono::milliseconds delay) {
    timers_.set(timer, now_ + delay);
  }

  /// The same counted from this moment: handlers may have worked since the turn began. At most a
  /// year.
  void set_timer_from_now(Timer& timer, std::chrono::milliseconds delay) {
    timers_.set(timer, Clock::now() + std::min<std::chrono::milliseconds>(delay, longest_delay));
  }

  /// The time this turn began.
  Clock::time_point now() const { return now_; }
  /// The same in the wheel's ticks since the clock's start, modulo 2^32 (497 days).
  std::uint32_t tick() const { return tick_; }
  ReceiveBuffer& receive_buffer() { return receive_buffer_; }
  GatherBuffer& gather_buffer() { return gather_buffer_; }
  RandomSource& random() { return random_; }

  /// What a layer above keeps once per loop: a T, made at the first call.
  template <class T>
  T& local() {
    for (auto& [type, object] : locals_) {
      if (type == typeid(T)) return *static_cast<T*>(object.get());
    }
    locals_.emplace_back(typeid(T), std::make_shared<T>());
    return *static_cast<T*>(locals_.back().second.get());
  }

 private:
  static constexpr std::chrono::hours longest_delay{365 * 24};

  void take_in(std::unique_ptr<Resident> resident);
  void tell(Watcher& watcher, Readiness ready);
  void turn();
  void visit_again();
  int wait_time() const;
  void bury_retired();
  bool is_finished() const;

  base::UniqueFd epoll_;
  GuestBook guest_book_;
  Mailbox mailbox_;
  Clock::time_point now_;
  std::uint32_t tick_ = 0;
  TimerWheel timers_;
  ReceiveBuffer receive_buffer_;
  GatherBuffer gather_buffer_;
  RandomSource random_;
  std::vector<std::pair<std::type_index, std::shared_ptr<void>>> locals_;
  std::vector<Watcher*> revisits_;
  std::vector<std::shared_ptr<void>> released_;
  Resident* residents_ = nullptr;
  Resident* retired_ = nullptr;
  std::unique_ptr<Drain> drain_;
  bool paused_ = false;
  bool stopping_ = false;
  Clock::time_point stop_at_{};
  std::atomic<std::size_t> resident_count_{0};
};

}  // namespace mod_ws::engine
