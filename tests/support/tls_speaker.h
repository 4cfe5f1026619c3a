#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <thread>
#include <utility>

#include "mod_ws/transport/transport.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

/// Speaks TLS for a Peer, on a thread of its own: the Peer has the other end of `plain`. Ends with
/// either of the two.
class TlsSpeaker {
 public:
  TlsSpeaker(transport::Transport tls, base::UniqueFd plain)
      : tls_(std::move(tls)), plain_(std::move(plain)), thread_([this] { carry(); }) {}
  ~TlsSpeaker() { thread_.join(); }

 private:
  using Status = transport::IoResult::Status;

  /// What has been read on one side, and not yet been written on the other.
  struct Carried {
    std::span<const std::uint8_t> left() const { return std::span(bytes).subspan(done); }
    bool is_empty() const { return done == bytes.size(); }
    Bytes bytes{};
    std::size_t done = 0;
    bool has_more = false;  // without poll(2) being told
  };

  void carry() {
    while (wait()) {
      if (!carry_in() || !carry_out()) break;
    }
    tls_.shutdown_write();
    ::shutdown(plain_.get(), SHUT_RDWR);
    tls_.close();
  }

  bool wait() const {
    if (in_.has_more && in_.is_empty()) return true;
    const auto events = [](const Carried& read, const Carried& written) {
      return static_cast<short>((read.is_empty() ? POLLIN : 0) |
                                (written.is_empty() ? 0 : POLLOUT));
    };
    std::array<pollfd, 2> polled{pollfd{tls_.fd(), events(in_, out_), 0},
                                 pollfd{plain_.get(), events(out_, in_), 0}};
    return ::poll(polled.data(), polled.size(),
                  static_cast<int>(std::chrono::milliseconds(patience).count())) > 0;
  }

  bool carry_in() {
    const auto read = [this](auto space) { return tls_.read_some(space); };
    const auto write = [this](auto bytes) { return transport::send(plain_.get(), bytes, {}); };
    return carry(in_, read, write);
  }
  bool carry_out() {
    const auto read = [this](auto space) { return transport::receive(plain_.get(), space); };
    const auto write = [this](auto bytes) { return tls_.write_some(bytes, {}); };
    return carry(out_, read, write);
  }

  /// False when it is over.
  template <class Read, class Write>
  static bool carry(Carried& carried, Read read, Write write) {
    if (carried.is_empty()) {
      carried = {.bytes = Bytes(16'384)};
      const auto result = read(std::span(carried.bytes));
      carried.has_more = result.bytes == carried.bytes.size();
      carried.bytes.resize(result.bytes);
      if (result.status == Status::end || result.status == Status::failed) return false;
    }
    if (carried.is_empty()) return true;
    const auto result = write(carried.left());
    carried.done += result.bytes;
    return result.status != Status::failed;
  }

  transport::Transport tls_;
  base::UniqueFd plain_;
  Carried in_;
  Carried out_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace mod_ws::tests
