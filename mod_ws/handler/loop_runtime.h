#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>

#include "mod_ws/channels/exchange.h"
#include "mod_ws/handler/offload_pool.h"
#include "ws/runtime.h"

namespace mod_ws::handler {

/// What handlers ask of mod_ws beside their connections: timers, threads, channels. One a process.
class LoopRuntime final : public ws::detail::Runtime {
 public:
  /// Without one, nobody gets what is published. It outlives the runtime's use.
  void set_exchange(channels::Exchange* exchange) { exchange_.store(exchange); }

  /// Who makes the exchange when it is needed; null when there can be none in this process. Any
  /// thread.
  using ExchangeMaker = channels::Exchange* (*)();
  void set_exchange_maker(ExchangeMaker maker) { make_exchange_ = maker; }

  /// See OffloadPool, for all threads that do a loop's work.
  std::array<std::unique_lock<std::mutex>, 2> hold_work(std::chrono::milliseconds patience);
  void take_over_work();
  void go_on_with_work();

  // ws::detail::Runtime
  std::shared_ptr<const ws::detail::Prepared> prepare(ws::MessageType type,
                                                      std::string_view payload) override;
  void publish(std::string_view channel,
               std::shared_ptr<const ws::detail::Prepared> message) override;
  ws::Pending<std::size_t> count_subscribers(std::string_view channel) override;
  ws::Pending<void> sleep_for(std::chrono::milliseconds time) override;
  ws::Pending<void> wait_ready(int fd, bool for_writing) override;
  std::shared_ptr<void> offload(std::function<void()> work, std::function<void()> done) override;
  ws::Pending<ws::DialResult> dial(std::string_view url, const ws::Dialer& dialer) override;

 private:
  channels::Exchange* exchange();

  std::atomic<channels::Exchange*> exchange_{nullptr};
  ExchangeMaker make_exchange_ = nullptr;
  OffloadPool pool_;
  OffloadPool dialing_pool_;  // of its own: handlers may keep all threads of the other
};

/// The process's.
LoopRuntime& runtime();

}  // namespace mod_ws::handler
