#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mod_ws::protocol {

/// The host and port of a URL (RFC 3986 3.2), without a user.
struct UrlAuthority {
  std::string host;  ///< As it was written; an IPv6 address without its brackets.
  std::uint16_t port = 0;
};

/// "example.org", "192.0.2.7:8080", "[2001:db8::1]:443". Without a port, or with an empty one, it
/// is `default_port`. Nothing, with a complaint, when it is no such thing: hosts are of ASCII
/// letters, digits and "-._~" (a name in another script is given in its "xn--" form), at most 253
/// bytes long.
std::optional<UrlAuthority> parse_url_authority(std::string_view text, std::uint16_t default_port,
                                                const char*& complaint);

/// The same as text, always with the port, as CONNECT and messages name it: "[2001:db8::1]:443".
std::string authority_with_port(const UrlAuthority& authority);

/// The host alone, in brackets where it is an IPv6 address.
std::string host_in_url(std::string_view host);

}  // namespace mod_ws::protocol
