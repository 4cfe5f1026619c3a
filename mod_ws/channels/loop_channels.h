#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mod_ws/channels/subscription.h"

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
  SubscriptionLink subscriptions;
};

/// Who takes part in which channel, on one loop: an object of EventLoop::local().
class LoopChannels {
 public:
  /// From here on the exchange is told of subscriptions. `loop_number` is the loop's there.
  void attach(Exchange& exchange, std::size_t loop_number) {
    exchange_ = &exchange;
    loop_number_ = loop_number;
  }

  /// Gives the message to every subscription to the channel here.
  void deliver(std::string_view channel, const Message& message);

 private:
  friend class Subscription;
  Channel& join(std::string_view channel, SubscriptionLink& link);
  void leave(Channel& channel, SubscriptionLink& link);

  ChannelMap<Channel> channels_;  // those with a subscription
  Exchange* exchange_ = nullptr;
  std::size_t loop_number_ = 0;
};

}  // namespace mod_ws::channels
