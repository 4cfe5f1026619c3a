#include "mod_ws/channels/exchange.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mod_ws::channels {

Exchange::Exchange(std::vector<engine::EventLoop*> loops, std::unique_ptr<Bus> bus)
    : loops_(std::move(loops)), bus_(std::move(bus)) {
  for (std::size_t number = 0; number < loops_.size(); ++number) {
    engine::EventLoop& loop = *loops_[number];
    loop.post([this, &loop, number] { loop.local<LoopChannels>().attach(*this, number); });
  }
  if (bus_) bus_->start(*this);
}

void Exchange::publish(std::string_view channel, Message message) {
  const auto publication =
      std::make_shared<const Publication>(Publication{std::string(channel), std::move(message)});
  deliver_here(publication);
  if (bus_) bus_->publish(publication);
}

void Exchange::deliver_here(SharedPublication publication) {
  // Under the lock, so that two publishers' messages come to all loops in the same order.
  const std::lock_guard lock(mutex_);
  const auto known = subscriptions_.find(publication->channel);
  if (known == subscriptions_.end()) return;
  for (std::size_t number = 0; number < loops_.size(); ++number) {
    if (known->second[number] == 0) continue;
    engine::EventLoop& loop = *loops_[number];
    loop.post([&loop, publication] {
      loop.local<LoopChannels>().deliver(publication->channel, publication->message);
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
