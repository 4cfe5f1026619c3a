#include "tests/bench/load/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace mod_ws::bench {
namespace {

constexpr std::size_t tls_record_bytes = 16 << 10;

timeval timeval_of(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_usec = std::chrono::microseconds(time - seconds).count()};
}

base::UniqueFd connect_to(const Target& target) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience = timeval_of(target.patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd.get() < 0 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect to port " + std::to_string(target.port) + ": " +
                             std::strerror(errno));
  }
  const int yes = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

}  // namespace

TlsContext make_tls_context() {
  TlsContext context(::SSL_CTX_new(::TLS_client_method()));
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  ::SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Stream::Stream(const Target& target) : fd_(connect_to(target)) {
  if (target.tls == nullptr) return;
  tls_.reset(::SSL_new(target.tls));
  ::SSL_set_fd(tls_.get(), fd_.get());
  if (::SSL_connect(tls_.get()) != 1) fail("TLS handshake");
}

void Stream::set_nonblocking() {
  ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  blocks_ = false;
}

void Stream::reset_on_close() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Stream::fail(const char* what) const {
  const std::string reason = tls_ ? "TLS or its connection ended" : std::strerror(errno);
  throw std::runtime_error(std::string(what) + ": " + reason);
}

std::size_t Stream::nothing_yet() const {
  if (blocks_) throw std::runtime_error("the server has been silent for too long");
  return 0;
}

std::size_t Stream::read_some(std::span<std::uint8_t> into) {
  const auto size = tls_ ? ::SSL_read(tls_.get(), into.data(), static_cast<int>(into.size()))
                         : ::recv(fd_.get(), into.data(), into.size(), 0);
  if (size > 0) return static_cast<std::size_t>(size);
  const bool waits =
      tls_ ? ::SSL_get_error(tls_.get(), static_cast<int>(size)) == SSL_ERROR_WANT_READ
           : size < 0 && errno == EAGAIN;
  if (waits) return nothing_yet();
  if (!tls_ && size == 0) throw std::runtime_error("the server closed the connection");
  fail("receive");
}

std::size_t Stream::write_some(std::span<const iovec> parts) {
  if (tls_) return write_tls(parts);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  const ssize_t size = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  if (size >= 0) return static_cast<std::size_t>(size);
  if (errno != EAGAIN) fail("send");
  return nothing_yet();
}

/// One record.
std::size_t Stream::write_tls(std::span<const iovec> parts) {
  std::array<std::uint8_t, tls_record_bytes> record;
  std::size_t filled = 0;
  for (const iovec& part : parts) {
    const std::size_t size = std::min(part.iov_len, record.size() - filled);
    std::memcpy(record.data() + filled, part.iov_base, size);
    filled += size;
  }
  const int size = ::SSL_write(tls_.get(), record.data(), static_cast<int>(filled));
  if (size > 0) return static_cast<std::size_t>(size);
  if (::SSL_get_error(tls_.get(), size) != SSL_ERROR_WANT_WRITE) fail("send");
  return nothing_yet();
}

void Stream::write_all(std::string_view text) {
  while (!text.empty()) {
    const iovec part{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    text.remove_prefix(write_some({&part, 1}));
  }
}

std::string Stream::ask(std::string_view request_head) {
  write_all(request_head);
  std::string answer;
  std::array<std::uint8_t, 4096> buffer;
  while (answer.find("\r\n\r\n") == std::string::npos)
    answer.append(reinterpret_cast<const char*>(buffer.data()), read_some(buffer));
  return answer;
}

void Stream::upgrade(const Target& target, std::string_view more_headers) {
  const std::string head =
      ask("GET " + target.path +
          " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
          std::string(more_headers) + "\r\n");
  if (!head.starts_with("HTTP/1.1 101") || !head.ends_with("\r\n\r\n"))
    throw std::runtime_error("no session, or not a silent one: " + head);
  if (head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos)
    throw std::runtime_error("not the accept of the key: " + head);
}

}  // namespace mod_ws::bench
