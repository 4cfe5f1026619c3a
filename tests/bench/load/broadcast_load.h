#pragma once

#include <memory>
#include <vector>

#include "tests/bench/load/deliveries.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/poller.h"
#include "tests/bench/load/publisher.h"
#include "tests/bench/load/session.h"

namespace mod_ws::bench {

/// Many subscribers of a channel, and one who publishes; on one thread. Each subscriber has to get
/// each message once, and in order.
class BroadcastLoad {
 public:
  /// Subscribes, and waits until the server counts all.
  explicit BroadcastLoad(const Options& options);
  BroadcastLoad(const BroadcastLoad&) = delete;  // sessions point into it
  BroadcastLoad& operator=(const BroadcastLoad&) = delete;

  /// Publishes for so long, and waits until everybody has everything. From publishing to each:
  Latencies run(std::chrono::milliseconds duration);
  /// Publishes nothing: what comes now is one message too many.
  void listen(std::chrono::milliseconds duration) { dispatch(duration); }

 private:
  void subscribe();
  void wait_for_subscribers();
  void publish();
  void dispatch(std::chrono::nanoseconds patience);
  void serve(Session& session, bool may_read);
  /// Some servers answer before they deliver, and some behind it: answers do not count.
  bool may_publish() const { return deliveries_.under_way() < options_.in_flight; }
  bool is_complete() const { return deliveries_.under_way() == 0 && !publisher_.waits(); }

  const Options& options_;
  MessageSet messages_;
  std::vector<std::unique_ptr<Session>> subscribers_;
  Publisher publisher_;
  Deliveries deliveries_;
  Clock::time_point delivered_at_;  ///< The last one.
  Poller poller_;
};

}  // namespace mod_ws::bench
