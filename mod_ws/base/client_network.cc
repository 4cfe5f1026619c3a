#include "mod_ws/base/client_network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace mod_ws::base {
namespace {

constexpr std::size_t network_bytes = 8;
constexpr std::size_t mapped_prefix_bytes = 12;
// RFC 4291 2.5.5.2
constexpr std::array<char, mapped_prefix_bytes> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1};

}  // namespace

std::string client_network(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));  // the zone's name, fe80::1%eth0
  std::string bytes(sizeof(in6_addr), '\0');
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes.substr(0, 4);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::string(address);
  if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin()))
    return bytes.substr(mapped_prefix_bytes);
  return bytes.substr(0, network_bytes);
}

}  // namespace mod_ws::base
