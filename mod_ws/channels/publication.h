#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "mod_ws/channels/subscription.h"

namespace mod_ws::channels {

/// What is published, on its way: shared by whoever has to take it further, and counted until the
/// last of them has. Any thread.
class Publication {
 public:
  using BytesUnderWay = std::shared_ptr<std::atomic<std::size_t>>;

  Publication(std::string_view channel, Message message, BytesUnderWay under_way)
      : channel_(channel), message_(std::move(message)), under_way_(std::move(under_way)) {
    under_way_->fetch_add(size(), std::memory_order_relaxed);
  }
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  ~Publication() { under_way_->fetch_sub(size(), std::memory_order_relaxed); }

  std::string_view channel() const { return channel_; }
  const Message& message() const { return message_; }
  std::size_t size() const { return channel_.size() + message_->payload.size(); }

 private:
  std::string channel_;
  Message message_;
  BytesUnderWay under_way_;
};

using SharedPublication = std::shared_ptr<const Publication>;

}  // namespace mod_ws::channels
