#pragma once

#include "mod_ws/channels/loop_channels.h"
#include "mod_ws/handler/conn_session.h"

namespace mod_ws::handler {

/// A session's part in a channel: see ws::Conn::subscribe().
class SessionSubscription final : public channels::Subscription {
 public:
  SessionSubscription(channels::LoopChannels& channels, std::string_view channel,
                      ConnSession& session)
      : Subscription(channels, channel), session_(session) {}

 private:
  void on_published(const channels::Message& message) override { session_.deliver(message); }

  ConnSession& session_;
};

}  // namespace mod_ws::handler
