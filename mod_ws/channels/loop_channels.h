#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mod_ws/channels/publication.h"
#include "mod_ws/engine/event_loop.h"

namespace mod_ws::channels {

class Exchange;

/// Lets maps be asked with a string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class T>
using ChannelMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

/// The subscriptions to one channel on one loop.
struct Channel {
  std::string_view name;  ///< Lies in the map.
  base::ListLink subscriptions;
  std::size_t count = 0;
};

/// Who takes part in which channel, on one loop: an object of EventLoop::local().
///
/// What is published reaches many subscribers in several turns of the loop, so that its other
/// sessions are not kept waiting; what is published meanwhile to the same channel goes out
/// together then, with one system call a subscriber. All get it in the order of publishing.
class LoopChannels final : public engine::Watcher {
 public:
  /// Subscriptions that are served before the loop's other sessions get their turn: about one
  /// millisecond.
  static constexpr std::size_t subscriptions_a_turn = 128;

  /// From here on the exchange is told of subscriptions. `loop_number` is the loop's there.
  void attach(Exchange& exchange, std::size_t loop_number) {
    exchange_ = &exchange;
    loop_number_ = loop_number;
  }

  /// Takes a publication for those who subscribe to its channel now. Whoever calls it sees to it
  /// that the loop visits this.
  void take(SharedPublication publication);

  /// Gives what was taken to at most so many subscriptions; each gets several publications at once
  /// where they wait. False: nothing is left.
  bool give(std::size_t subscriptions);

 private:
  friend class Subscription;
  void on_ready(engine::Readiness ready) override;
  Channel& join(std::string_view channel, base::ListLink& link);
  void leave(Channel& channel, base::ListLink& link);

  Subscription* next_subscription();
  bool begin_walk();
  void end_walk();
  void drop_taken(std::size_t count);
  std::uint64_t taken_until() const { return dropped_ + taken_.size(); }

  ChannelMap<Channel> channels_;  // those with a subscription
  std::deque<SharedPublication> taken_;
  std::uint64_t dropped_ = 0;  // the number of taken_'s first
  // The walk along one channel's subscriptions, with taken_'s first so many.
  Channel* walked_ = nullptr;
  base::ListLink walker_;  // stands in the list, behind those who have got them
  std::size_t batch_ = 0;
  Exchange* exchange_ = nullptr;
  std::size_t loop_number_ = 0;
};

}  // namespace mod_ws::channels
