#include "mod_ws/channels/loop_channels.h"

#include "mod_ws/channels/exchange.h"

namespace mod_ws::channels {

void SubscriptionLink::insert_before(SubscriptionLink& place) {
  previous = place.previous;
  next = &place;
  previous->next = next->previous = this;
}

void SubscriptionLink::remove() {
  previous->next = next;
  next->previous = previous;
  previous = next = this;
}

Subscription::Subscription(LoopChannels& channels, std::string_view channel)
    : channels_(channels), channel_(channels.join(channel, *this)) {}

Subscription::~Subscription() { channels_.leave(channel_, *this); }

std::string_view Subscription::channel() const { return channel_.name; }

Channel& LoopChannels::join(std::string_view name, SubscriptionLink& link) {
  auto known = channels_.find(name);
  if (known == channels_.end()) {
    known = channels_.try_emplace(std::string(name)).first;
    known->second.name = known->first;
  }
  Channel& channel = known->second;
  link.insert_before(channel.subscriptions);
  if (exchange_ != nullptr) exchange_->note_subscribed(channel.name, loop_number_);
  return channel;
}

void LoopChannels::leave(Channel& channel, SubscriptionLink& link) {
  link.remove();
  if (exchange_ != nullptr) exchange_->note_unsubscribed(channel.name, loop_number_);
  if (channel.subscriptions.next == &channel.subscriptions)
    channels_.erase(channels_.find(channel.name));
}

void LoopChannels::deliver(std::string_view name, const Message& message) {
  const auto known = channels_.find(name);
  if (known == channels_.end()) return;
  const SubscriptionLink& end = known->second.subscriptions;
  for (SubscriptionLink* link = end.next; link != &end; link = link->next)
    static_cast<Subscription*>(link)->on_published(message);
}

}  // namespace mod_ws::channels
