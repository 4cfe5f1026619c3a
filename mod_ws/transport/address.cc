#include "mod_ws/transport/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace mod_ws::transport {
namespace {

struct InfoDeleter {
  void operator()(addrinfo* info) const { ::freeaddrinfo(info); }
};

std::string describe(int error) {
  return error == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(error);
}

Resolution look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return {.addresses = {}, .error = describe(error)};
  const std::unique_ptr<addrinfo, InfoDeleter> list(found);
  Resolution resolution;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    if (info->ai_addrlen > sizeof(sockaddr_storage)) continue;
    auto& address = resolution.addresses.emplace_back();
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
  }
  return resolution;
}

}  // namespace

std::string Address::text() const {
  if (is_unix()) return reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "an unknown address";
  }
  const std::string name = host.data();
  return (storage.ss_family == AF_INET6 ? "[" + name + "]" : name) + ":" + port.data();
}

Resolution resolve(const std::string& host, std::uint16_t port) {
  // Without an address of our own in a family, one of a host's is of no use.
  Resolution resolution = look_up(host, port, AI_ADDRCONFIG);
  // It does not count the loopback's, which may be all there is.
  if (resolution.addresses.empty()) resolution = look_up(host, port, 0);
  return resolution;
}

std::vector<Address> numeric_addresses(const std::string& host, std::uint16_t port) {
  return look_up(host, port, AI_NUMERICHOST).addresses;
}

Address unix_address(const std::string& path) {
  Address address;
  auto* const name = reinterpret_cast<sockaddr_un*>(&address.storage);
  name->sun_family = AF_UNIX;
  path.copy(name->sun_path, sizeof name->sun_path - 1);
  address.size = sizeof(sockaddr_un);
  return address;
}

Connecting begin_connecting(const Address& address) {
  Connecting connecting;
  connecting.socket = base::UniqueFd(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = connecting.socket.get();
  if (fd < 0) {
    connecting.error = errno;
    return connecting;
  }
  if (!address.is_unix()) {
    const int on = 1;  // a frame must not wait for the acknowledgement of the one before
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0)
    return connecting;
  // After EINTR it goes on by itself, too.
  if (errno == EINPROGRESS || errno == EINTR) {
    connecting.is_under_way = true;
  } else {
    connecting.error = errno;
  }
  return connecting;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace mod_ws::transport
