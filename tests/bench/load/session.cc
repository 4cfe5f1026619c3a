#include "tests/bench/load/session.h"

#include <array>

namespace mod_ws::bench {
namespace {

constexpr std::size_t read_bytes = 256 << 10;

}  // namespace

Session::Session(const Target& target, std::string_view headers, const MessageSet& expected)
    : stream_(target), reader_(expected) {
  stream_.upgrade(target, headers);
  stream_.set_nonblocking();
}

void Session::receive(const OnMessages& on_messages) {
  static std::array<std::uint8_t, read_bytes> buffer;
  while (const std::size_t size = stream_.read_some(buffer)) {
    const std::uint64_t before = received();
    const std::size_t count = reader_.receive({buffer.data(), size});
    if (count > 0) on_messages(before, count);
    pong_ += reader_.take_pong();
    if (size < buffer.size() && !stream_.may_hold_more()) break;
  }
}

bool Session::send_pong() {
  while (!pong_.empty()) {
    const iovec part{.iov_base = pong_.data(), .iov_len = pong_.size()};
    const std::size_t sent = stream_.write_some({&part, 1});
    if (sent == 0) return false;
    pong_.erase(0, sent);
  }
  return true;
}

}  // namespace mod_ws::bench
