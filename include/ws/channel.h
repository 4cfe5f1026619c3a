#pragma once

#include <cstddef>
#include <string_view>

#include "ws/prepared_message.h"
#include "ws/runtime.h"

namespace ws {

/// Sends a message to every subscriber of a channel, in all children of the server: see
/// Conn::subscribe(). Any thread; never waits. What one thread publishes arrives in its order. Text
/// that is not UTF-8 is sent to nobody, with a line in the log.
inline void publish(std::string_view channel, const PreparedMessage& message) {
  detail::runtime->publish(channel, message.prepared());
}
inline void publish(std::string_view channel, MessageType type, std::string_view payload) {
  publish(channel, PreparedMessage(type, payload));
}

/// How many subscribe to a channel now, in all children of the server. A child that does not answer
/// within a second is left out.
inline Pending<std::size_t> count_subscribers(std::string_view channel) {
  return detail::runtime->count_subscribers(channel);
}

}  // namespace ws
