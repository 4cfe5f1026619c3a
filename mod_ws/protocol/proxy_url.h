#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/protocol/url_authority.h"

namespace mod_ws::protocol {

/// An HTTP proxy for CONNECT.
struct ProxyUrl {
  UrlAuthority authority;
  std::string authorization;  ///< For Proxy-Authorization: "Basic ..."; empty without a user.
};

/// "http://[user:password@]host[:port]", with nothing behind it but a "/"; user and password may be
/// percent-encoded. Nothing, with a complaint, for anything else.
std::optional<ProxyUrl> parse_proxy_url(std::string_view text, const char*& complaint);

}  // namespace mod_ws::protocol
