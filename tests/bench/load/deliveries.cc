#include "tests/bench/load/deliveries.h"

#include <stdexcept>

namespace mod_ws::bench {

void Deliveries::deliver(std::uint64_t number, Clock::time_point now) {
  if (number < complete_ || number >= published())
    throw std::runtime_error("a message came more than once, or was never published");
  Publication& publication = under_way_[static_cast<std::size_t>(number - complete_)];
  latencies_.add(now - publication.since);
  ++publication.reached;
  // Everybody gets them in order, so the first is complete first.
  while (!under_way_.empty() && under_way_.front().reached == subscribers_) {
    under_way_.pop_front();
    ++complete_;
  }
}

}  // namespace mod_ws::bench
