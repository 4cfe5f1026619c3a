#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mod_ws/channels/loop_channels.h"
#include "mod_ws/connection/prepared_message.h"

namespace mod_ws::tests {

inline channels::Message prepared(std::string_view payload,
                                  ws::MessageType type = ws::MessageType::text) {
  return std::make_shared<connection::PreparedMessage>(type, payload);
}

inline channels::SharedPublication publication(std::string_view channel,
                                               channels::Message message) {
  static const auto under_way = std::make_shared<std::atomic<std::size_t>>(0);
  return std::make_shared<const channels::Publication>(channel, std::move(message), under_way);
}

/// A subscription that keeps what is published. On its loop's thread.
class Subscriber final : public channels::Subscription {
 public:
  Subscriber(channels::LoopChannels& channels, std::string_view channel)
      : Subscription(channels, channel) {}

  std::vector<std::string> payloads;
  std::vector<channels::Message> messages;

 private:
  void on_published(const channels::Message& message) override {
    payloads.emplace_back(message->payload);
    messages.push_back(message);
  }
};

}  // namespace mod_ws::tests
