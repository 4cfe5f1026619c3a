#include "mod_ws/channels/loop_channels.h"

#include <utility>

#include "mod_ws/channels/exchange.h"
#include "mod_ws/engine/contain.h"

namespace mod_ws::channels {
namespace {

/// What one subscriber gets at once, as far as several publications make it up.
constexpr std::size_t max_batch_bytes = 64 << 10;

}  // namespace

Subscription::Subscription(LoopChannels& channels, std::string_view channel)
    : channels_(channels),
      channel_(channels.join(channel, *this)),
      since_(channels.taken_until()) {}

Subscription::~Subscription() { channels_.leave(channel_, *this); }

std::string_view Subscription::channel() const { return channel_.name; }

Channel& LoopChannels::join(std::string_view name, base::ListLink& link) {
  auto known = channels_.find(name);
  if (known == channels_.end()) {
    known = channels_.try_emplace(std::string(name)).first;
    known->second.name = known->first;
  }
  Channel& channel = known->second;
  link.insert_before(channel.subscriptions);
  ++channel.count;
  if (exchange_ != nullptr) exchange_->note_subscribed(channel.name, loop_number_);
  return channel;
}

void LoopChannels::leave(Channel& channel, base::ListLink& link) {
  link.remove();
  if (exchange_ != nullptr) exchange_->note_unsubscribed(channel.name, loop_number_);
  if (--channel.count > 0) return;
  if (walked_ == &channel) end_walk();
  channels_.erase(channels_.find(channel.name));
}

// ---- what is published

void LoopChannels::take(SharedPublication publication) { taken_.push_back(std::move(publication)); }

void LoopChannels::on_ready(engine::Readiness) {
  bool has_more = true;  // also where one subscriber has failed
  engine::contain([&] { has_more = give(subscriptions_a_turn); });
  if (has_more) engine::EventLoop::current()->revisit(*this);
}

bool LoopChannels::give(std::size_t subscriptions) {
  for (; subscriptions > 0; --subscriptions) {
    Subscription* const subscription = next_subscription();
    if (subscription == nullptr) return false;
    for (std::size_t i = 0; i < batch_; ++i) {
      if (dropped_ + i >= subscription->since_) subscription->on_published(taken_[i]->message());
    }
  }
  return true;
}

/// The next one that gets the batch; the next batch's first one when all have got it.
Subscription* LoopChannels::next_subscription() {
  while (walked_ != nullptr || begin_walk()) {
    base::ListLink* const next = walker_.next;
    if (next != &walked_->subscriptions) {
      walker_.remove();
      walker_.insert_before(*next->next);
      return static_cast<Subscription*>(next);
    }
    end_walk();
  }
  return nullptr;
}

/// The batch is what waits for one channel in a row: there is one order for all channels.
bool LoopChannels::begin_walk() {
  while (!taken_.empty()) {
    const std::string_view name = taken_.front()->channel();
    const auto known = channels_.find(name);
    if (known == channels_.end()) {
      drop_taken(1);
      continue;
    }
    walked_ = &known->second;
    walker_.insert_before(*walked_->subscriptions.next);
    std::size_t bytes = 0;
    for (batch_ = 0; batch_ < taken_.size() && bytes < max_batch_bytes; ++batch_) {
      if (taken_[batch_]->channel() != name) break;
      bytes += taken_[batch_]->size();
    }
    return true;
  }
  return false;
}

void LoopChannels::end_walk() {
  walker_.remove();
  walked_ = nullptr;
  drop_taken(batch_);
}

void LoopChannels::drop_taken(std::size_t count) {
  taken_.erase(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(count));
  dropped_ += count;
}

}  // namespace mod_ws::channels
