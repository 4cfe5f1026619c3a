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

}  // namespace

IoResult Plain::read_some(std::span<std::uint8_t> buffer) {
  const ssize_t received = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (received < 0) return failure();
  if (received == 0) return {.status = Status::end};
  return {.status = Status::moved, .bytes = static_cast<std::size_t>(received)};
}

IoResult Plain::write_some(std::span<const std::uint8_t> first,
                           std::span<const std::uint8_t> second) {
  const ssize_t sent = second.empty() ? ::send(fd(), first.data(), first.size(), MSG_NOSIGNAL)
                                      : send_both(first, second);
  if (sent < 0) return failure();
  return {.status = Status::moved, .bytes = static_cast<std::size_t>(sent)};
}

ssize_t Plain::send_both(std::span<const std::uint8_t> first,
                         std::span<const std::uint8_t> second) {
  std::array<iovec, 2> parts{as_iovec(first), as_iovec(second)};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd(), &message, MSG_NOSIGNAL);
}

void Plain::shutdown_write() { ::shutdown(fd(), SHUT_WR); }

std::size_t untaken_bytes(int socket) {
  int bytes = 0;
  return ::ioctl(socket, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace mod_ws::transport
