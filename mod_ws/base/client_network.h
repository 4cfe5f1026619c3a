#pragma once

#include <string>
#include <string_view>

namespace mod_ws::base {

/// The network that stands for one client where clients are counted: an IPv4 address, also one
/// written as ::ffff:192.0.2.7; of an IPv6 address the first 64 bits, since a client has all the
/// addresses behind them. In bytes; what is no address stands for itself.
std::string client_network(std::string_view address);

}  // namespace mod_ws::base
