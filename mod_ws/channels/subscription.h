#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "mod_ws/base/list_link.h"
#include "ws/runtime.h"

namespace mod_ws::channels {

/// A published message, shared by all that get it.
using Message = std::shared_ptr<const ws::detail::Prepared>;

class LoopChannels;
struct Channel;

/// One session's part in one channel, for as long as it lives. On the loop's thread only.
class Subscription : base::ListLink {
 public:
  Subscription(LoopChannels& channels, std::string_view channel);
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  virtual ~Subscription();

  std::string_view channel() const;

  /// It must neither begin nor end a subscription to the same channel.
  virtual void on_published(const Message& message) = 0;

 private:
  friend class LoopChannels;
  LoopChannels& channels_;
  Channel& channel_;
  const std::uint64_t since_;  // the first publication that it gets
};

}  // namespace mod_ws::channels
