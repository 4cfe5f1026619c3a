#include "tests/bench/load/echo_session.h"

#include <array>
#include <stdexcept>

namespace mod_ws::bench {
namespace {

constexpr std::size_t max_frames_a_write = 64;

}  // namespace

bool EchoSession::send() {
  while (true) {
    // A control frame stands between frames.
    if (offset_ == 0 && !write_waits_ && !send_pong()) return false;
    if (sent_ == queued_) return true;
    const std::size_t sent = send_frames();
    write_waits_ = sent == 0;
    if (write_waits_) return false;
    advance(sent);
  }
}

std::size_t EchoSession::send_frames() {
  std::array<iovec, max_frames_a_write> parts;
  std::size_t count = 0;
  for (std::uint64_t number = sent_; number < queued_ && count < parts.size(); ++number) {
    const auto frame = messages_->frame(number).subspan(number == sent_ ? offset_ : 0);
    parts[count++] = {const_cast<std::uint8_t*>(frame.data()), frame.size()};
  }
  return stream().write_some({parts.data(), count});
}

void EchoSession::advance(std::size_t sent_bytes) {
  offset_ += sent_bytes;
  while (sent_ < queued_ && offset_ >= messages_->frame(sent_).size())
    offset_ -= messages_->frame(sent_++).size();
}

std::size_t EchoSession::receive(Latencies& latencies) {
  const std::uint64_t before = received();
  Session::receive([&](std::uint64_t, std::size_t count) {
    if (count > due_at_.size()) throw std::runtime_error("an echo came before its message");
    const auto now = Clock::now();
    for (std::size_t i = 0; i < count; ++i) latencies.add(now - due_at_[i]);
    due_at_.erase(due_at_.begin(), due_at_.begin() + static_cast<std::ptrdiff_t>(count));
  });
  return static_cast<std::size_t>(received() - before);
}

}  // namespace mod_ws::bench
