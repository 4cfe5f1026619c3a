#include "mod_ws/transport/plain.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace mod_ws::transport {
namespace {

using Status = IoResult::Status;

IoResult failure() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return {.status = Status::would_block};
  return {.status = Status::failed, .error = errno};
}

iovec as_iovec(std::span<const std::uint8_t> bytes) {
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

ssize_t send_both(int socket, std::span<const std::uint8_t> first,
                  std::span<const std::uint8_t> second) {
  std::array<iovec, 2> parts{as_iovec(first), as_iovec(second)};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

}  // namespace

IoResult receive(int socket, std::span<std::uint8_t> buffer) {
  const ssize_t received = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (received < 0) return failure();
  if (received == 0) return {.status = Status::end};
  return {.status = Status::moved, .bytes = static_cast<std::size_t>(received)};
}

IoResult send(int socket, std::span<const std::uint8_t> first,
              std::span<const std::uint8_t> second) {
  // sendmsg(2) costs more.
  const ssize_t sent = second.empty() ? ::send(socket, first.data(), first.size(), MSG_NOSIGNAL)
                                      : send_both(socket, first, second);
  if (sent < 0) return failure();
  return {.status = Status::moved, .bytes = static_cast<std::size_t>(sent)};
}

void end_sending(int socket) { ::shutdown(socket, SHUT_WR); }

std::size_t untaken_bytes(int socket) {
  int bytes = 0;
  return ::ioctl(socket, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace mod_ws::transport
