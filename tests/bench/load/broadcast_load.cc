#include "tests/bench/load/broadcast_load.h"

#include <stdexcept>
#include <thread>

namespace mod_ws::bench {
namespace {

using std::chrono::milliseconds;

}  // namespace

BroadcastLoad::BroadcastLoad(const Options& options)
    : options_(options),
      messages_(options.content),
      publisher_(options.target, options.publish_path),
      deliveries_(options.connections) {
  for (std::size_t i = 0; i < options.connections; ++i) subscribe();
  wait_for_subscribers();
  publisher_.set_nonblocking();
  poller_.add(publisher_.fd());
}

void BroadcastLoad::subscribe() {
  subscribers_.push_back(
      std::make_unique<Session>(options_.target, options_.handshake_headers(), messages_));
  subscribers_.back()->reset_on_close();
  poller_.add(*subscribers_.back());
}

/// A server may answer a handshake before it has made a subscriber of the session.
void BroadcastLoad::wait_for_subscribers() {
  const auto end = Clock::now() + options_.patience;
  while (publisher_.count_subscribers() < subscribers_.size()) {
    if (Clock::now() > end) throw std::runtime_error("the server does not count all subscribers");
    std::this_thread::sleep_for(milliseconds(10));
  }
}

Latencies BroadcastLoad::run(milliseconds duration) {
  const auto end = Clock::now() + duration;
  deliveries_.forget_latencies();
  delivered_at_ = Clock::now();
  while (Clock::now() < end || !is_complete()) {
    if (Clock::now() > delivered_at_ + options_.patience)
      throw std::runtime_error("a delivery is missing");
    while (Clock::now() < end && may_publish()) publish();
    dispatch(milliseconds(10));
  }
  return deliveries_.latencies();
}

void BroadcastLoad::publish() {
  const std::uint64_t number = deliveries_.published();
  deliveries_.publish(Clock::now());
  publisher_.publish(messages_.payload(number));
}

void BroadcastLoad::dispatch(std::chrono::nanoseconds timeout) {
  poller_.dispatch(timeout, [this](Session* session, bool may_read) {
    if (session == nullptr) return publisher_.receive();
    serve(*session, may_read);
  });
}

void BroadcastLoad::serve(Session& session, bool may_read) {
  if (may_read) {
    session.receive([this](std::uint64_t first, std::size_t count) {
      delivered_at_ = Clock::now();
      for (std::size_t i = 0; i < count; ++i) deliveries_.deliver(first + i, delivered_at_);
    });
  }
  poller_.poll_for_sending(session, !session.send_pong());
}

}  // namespace mod_ws::bench
