#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/transport/plain.h"
#include "tests/support/bytes.h"
#include "tests/support/deadline.h"
#include "tests/support/frames.h"

namespace mod_ws::tests {

/// The other end of a connection under test: blocking, with a deadline for everything.
class Peer {
 public:
  explicit Peer(base::UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  void send(const Bytes& bytes) {
    if (send_some(bytes, patience) != bytes.size()) throw std::runtime_error("peer cannot send");
  }

  /// Sends as much as is taken, giving up when nothing moves for `quiet`; returns how much that
  /// was.
  std::size_t send_some(std::span<const std::uint8_t> bytes, std::chrono::milliseconds quiet) {
    std::size_t sent = 0;
    while (sent < bytes.size() && wait_for(POLLOUT, quiet)) {
      const auto count =
          ::send(fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno != EAGAIN) break;
      if (count > 0) sent += static_cast<std::size_t>(count);
    }
    return sent;
  }

  /// Exactly `size` bytes, or fewer when the end or the deadline comes first.
  Bytes receive(std::size_t size) {
    Bytes bytes(size);
    std::size_t received = 0;
    while (received < size && wait_for(POLLIN, patience)) {
      const auto count = ::recv(fd(), bytes.data() + received, size - received, MSG_DONTWAIT);
      if (count == 0 || (count < 0 && errno != EAGAIN)) break;
      if (count > 0) received += static_cast<std::size_t>(count);
    }
    bytes.resize(received);
    return bytes;
  }

  /// Whether the next thing that comes is the end: an orderly one, or a reset.
  bool receives_end() {
    std::uint8_t byte;
    return wait_for(POLLIN, patience) && ::recv(fd(), &byte, 1, MSG_DONTWAIT) <= 0;
  }

  /// Whether nothing has come, and no end either.
  bool has_nothing() {
    std::uint8_t byte;
    return ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  struct Received {
    protocol::Opcode opcode;
    bool fin;
    std::uint8_t rsv;
    bool masked;
    Bytes payload;
    std::string text() const { return text_of(payload); }
    /// Of a Close frame; 1005 when empty.
    int close_code() const { return payload.size() < 2 ? 1005 : payload[0] << 8 | payload[1]; }
  };

  /// The next frame, unmasked; nothing when the end comes first.
  std::optional<Received> receive_frame() {
    Bytes head;
    protocol::FrameHeader header;
    bool minimal = true;
    while (protocol::parse_frame_header(head, header, minimal) == 0) {
      const Bytes byte = receive(1);
      if (byte.empty()) return std::nullopt;
      head.push_back(byte[0]);
    }
    Bytes payload = receive(header.payload_length);
    if (payload.size() < header.payload_length) return std::nullopt;
    if (header.masked) protocol::mask(payload, header.masking_key);
    return Received{header.opcode, header.fin, header.rsv, header.masked, std::move(payload)};
  }

  void shutdown_write() { ::shutdown(fd(), SHUT_WR); }
  void close() { socket_.reset(); }

 private:
  bool wait_for(short events, std::chrono::milliseconds time) {
    pollfd poll{.fd = fd(), .events = events, .revents = 0};
    return ::poll(&poll, 1, static_cast<int>(time.count())) > 0;
  }

  base::UniqueFd socket_;
};

struct SocketPair {
  base::UniqueFd ours;
  base::UniqueFd theirs;
};

/// A connected pair; `ours` is non-blocking, as a loop needs it. A small buffer is full soon.
inline SocketPair make_socket_pair(int buffer_bytes = 0) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
    throw std::runtime_error("socketpair");
  for (const int fd : fds) {
    if (buffer_bytes > 0)
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
  }
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

}  // namespace mod_ws::tests
