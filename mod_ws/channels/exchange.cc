#include "mod_ws/channels/exchange.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "mod_ws/base/log.h"

namespace mod_ws::channels {

Exchange::Exchange(std::vector<engine::EventLoop*> loops, std::unique_ptr<Bus> bus,
                   Responder responder)
    : loops_(std::move(loops)), bus_(std::move(bus)), responder_(std::move(responder)) {
  for (std::size_t number = 0; number < loops_.size(); ++number) {
    engine::EventLoop& loop = *loops_[number];
    loop.post([this, &loop, number] { loop.local<LoopChannels>().attach(*this, number); });
  }
  if (bus_) bus_->start(*this);
}

bool Exchange::publish(std::string_view channel, Message message) {
  const auto publication = begin(channel, std::move(message));
  if (!publication) return false;
  post_to_loops(publication);
  if (bus_) bus_->publish(publication);
  return true;
}

void Exchange::deliver_here(std::string_view channel, Message message) {
  if (const auto publication = begin(channel, std::move(message))) post_to_loops(publication);
}

SharedPublication Exchange::begin(std::string_view channel, Message message) {
  if (under_way_->load(std::memory_order_relaxed) <= max_bytes_under_way)
    return std::make_shared<const Publication>(channel, std::move(message), under_way_);
  if (const auto dropped = dropped_.count(); dropped > 0) {
    base::log({}, base::LogLevel::warning,
              "channels: more is published than can be delivered, and while more than " +
                  std::to_string(max_bytes_under_way >> 20) +
                  " MB wait it is dropped; publications dropped since this was last said: " +
                  std::to_string(dropped) + ", the last one to channel " + std::string(channel));
  }
  return nullptr;
}

void Exchange::post_to_loops(const SharedPublication& publication) {
  // Under the lock, so that two publishers' messages come to all loops in the same order.
  const std::lock_guard lock(mutex_);
  const auto known = subscriptions_.find(publication->channel());
  if (known == subscriptions_.end()) return;
  for (std::size_t number = 0; number < loops_.size(); ++number) {
    if (known->second[number] == 0) continue;
    engine::EventLoop& loop = *loops_[number];
    loop.post([&loop, publication] {
      auto& channels = loop.local<LoopChannels>();
      channels.take(publication);
      loop.revisit(channels);
    });
  }
}

void Exchange::count(std::string_view channel, Bus::Counted counted) {
  if (!bus_) return counted(count_here(channel));
  const std::size_t here = count_here(channel);
  bus_->count_elsewhere(channel, [here, counted = std::move(counted)](std::size_t elsewhere) {
    counted(here + elsewhere);
  });
}

void Exchange::ask(std::string_view request, const Bus::Answered& answered) {
  if (bus_) {
    bus_->ask_elsewhere(request, answered);
  } else {
    answered({});
  }
  answer(request, [answered](std::string here) { answered({std::move(here)}); });
}

void Exchange::answer(std::string_view request, Bus::Reply reply) {
  if (!responder_) return reply({});
  responder_(request, std::move(reply));
}

std::size_t Exchange::count_here(std::string_view channel) const {
  const std::lock_guard lock(mutex_);
  const auto known = subscriptions_.find(channel);
  if (known == subscriptions_.end()) return 0;
  return std::accumulate(known->second.begin(), known->second.end(), std::size_t{0});
}

void Exchange::note_subscribed(std::string_view channel, std::size_t loop_number) {
  const std::lock_guard lock(mutex_);
  auto known = subscriptions_.find(channel);
  if (known == subscriptions_.end())
    known = subscriptions_.try_emplace(std::string(channel), loops_.size()).first;
  ++known->second[loop_number];
}

void Exchange::note_unsubscribed(std::string_view channel, std::size_t loop_number) {
  const std::lock_guard lock(mutex_);
  const auto known = subscriptions_.find(channel);
  --known->second[loop_number];
  const bool is_unused = std::all_of(known->second.begin(), known->second.end(),
                                     [](auto count) { return count == 0; });
  if (is_unused) subscriptions_.erase(known);
}

}  // namespace mod_ws::channels
