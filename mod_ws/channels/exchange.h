#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/channels/bus.h"
#include "mod_ws/channels/loop_channels.h"
#include "mod_ws/engine/event_loop.h"

namespace mod_ws::channels {

/// The channels of one process: takes what is published to the loops where somebody subscribes to
/// it, and to the other processes.
class Exchange final : Bus::Receiver {
 public:
  /// Makes something of requests, in all processes the same; on any thread.
  using Responder = std::function<void(std::string_view request, Bus::Reply reply)>;

  /// `bus` may be null: there are no other processes; so may `responder`. The loops outlive the
  /// exchange, and have not got a session yet.
  Exchange(std::vector<engine::EventLoop*> loops, std::unique_ptr<Bus> bus,
           Responder responder = nullptr);

  /// While more of what was published here waits to be delivered, nothing further is taken.
  static constexpr std::size_t max_bytes_under_way = 64 << 20;

  // Any thread; nothing here waits for subscribers.

  /// Messages of one thread arrive in their order. False, with a line in the log: too many are
  /// under way, and this one is dropped.
  bool publish(std::string_view channel, Message message);

  /// Calls `counted`, on any thread, with the number of subscriptions in all processes.
  void count(std::string_view channel, Bus::Counted counted);

  /// Calls `answered` twice, on any threads: with what this process' responder makes of the
  /// request, and with what those of the others do.
  void ask(std::string_view request, const Bus::Answered& answered);

  /// While what is returned lives, no thread is in the middle of publishing. Any thread.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

  /// Waits until the other processes can get what has been published here, at most so long. From a
  /// thread that is no loop's.
  void flush(std::chrono::milliseconds patience) {
    if (bus_) bus_->flush(patience);
  }

  // For LoopChannels.
  void note_subscribed(std::string_view channel, std::size_t loop_number);
  void note_unsubscribed(std::string_view channel, std::size_t loop_number);

 private:
  using PerLoop = std::vector<std::uint32_t>;

  void deliver_here(std::string_view channel, Message message) override;
  SharedPublication begin(std::string_view channel, Message message);
  void post_to_loops(const SharedPublication& publication);
  std::size_t count_here(std::string_view channel) const override;
  void answer(std::string_view request, Bus::Reply reply) override;

  std::vector<engine::EventLoop*> loops_;
  std::unique_ptr<Bus> bus_;
  Responder responder_;
  const Publication::BytesUnderWay under_way_ = std::make_shared<std::atomic<std::size_t>>(0);
  base::RareLine dropped_;
  mutable std::mutex mutex_;
  ChannelMap<PerLoop> subscriptions_;  // how many each loop has
};

}  // namespace mod_ws::channels
