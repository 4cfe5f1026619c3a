#include "tests/bench/load/echo_session.h"

#include <array>

namespace mod_ws::bench {
namespace {

constexpr std::size_t read_bytes = 256 << 10;
constexpr std::size_t max_frames_a_write = 64;

}  // namespace

EchoSession::EchoSession(const Target& target, std::string_view headers, const MessageSet& messages,
                         std::size_t in_flight)
    : stream_(target), messages_(&messages), reader_(messages), due_at_(in_flight) {
  stream_.upgrade(target, headers);
  stream_.set_nonblocking();
}

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
  return stream_.write_some({parts.data(), count});
}

void EchoSession::advance(std::size_t sent_bytes) {
  offset_ += sent_bytes;
  while (sent_ < queued_ && offset_ >= messages_->frame(sent_).size())
    offset_ -= messages_->frame(sent_++).size();
}

bool EchoSession::send_pong() {
  while (!pong_.empty()) {
    const iovec part{.iov_base = pong_.data(), .iov_len = pong_.size()};
    const std::size_t sent = stream_.write_some({&part, 1});
    if (sent == 0) return false;
    pong_.erase(0, sent);
  }
  return true;
}

std::size_t EchoSession::receive(Latencies& latencies) {
  static std::array<std::uint8_t, read_bytes> buffer;
  std::size_t count = 0;
  while (const std::size_t size = stream_.read_some(buffer)) {
    const std::uint64_t before = received();
    const std::size_t ended = reader_.receive({buffer.data(), size});
    const auto now = Clock::now();
    for (std::uint64_t number = before; number < before + ended; ++number)
      latencies.add(now - due_at_[number % due_at_.size()]);
    count += ended;
    pong_ += reader_.take_pong();
    if (size < buffer.size() && !stream_.may_hold_more()) break;
  }
  return count;
}

}  // namespace mod_ws::bench
