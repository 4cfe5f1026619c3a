#include "mod_ws/protocol/url_authority.h"

#include <algorithm>

namespace mod_ws::protocol {
namespace {

constexpr std::size_t max_host_bytes = 253;  // RFC 1035 2.3.4, as text
constexpr std::uint32_t max_port = 65535;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z';
}

bool is_name_char(char c) {
  return is_digit(c) || is_letter(c) || std::string_view("-._~").find(c) != std::string_view::npos;
}

/// Only what it is made of; whether it is an address, the system says.
bool is_ipv6_char(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return is_digit(c) || (lower >= 'a' && lower <= 'f') || c == ':' || c == '.';
}

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= max_host_bytes &&
         std::all_of(host.begin(), host.end(), is_name_char);
}

bool is_ipv6(std::string_view host) {
  return host.size() <= max_host_bytes && host.find(':') != std::string_view::npos &&
         std::all_of(host.begin(), host.end(), is_ipv6_char);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint32_t port = 0;
  for (const char digit : text) port = port * 10 + static_cast<std::uint32_t>(digit - '0');
  if (port == 0 || port > max_port) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

/// Takes the host, and its brackets, off the front of `text`. Nothing when it is none.
std::optional<std::string_view> take_host(std::string_view& text) {
  if (!text.starts_with('[')) {
    const auto host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
    return is_name(host) ? std::optional(host) : std::nullopt;
  }
  const auto end = text.find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const auto host = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return is_ipv6(host) ? std::optional(host) : std::nullopt;
}

}  // namespace

std::optional<UrlAuthority> parse_url_authority(std::string_view text, std::uint16_t default_port,
                                                const char*& complaint) {
  if (text.find('@') != std::string_view::npos) {
    complaint = "a user in front of the host is not allowed";
    return std::nullopt;
  }
  const auto host = take_host(text);
  if (!host) {
    complaint = "the host is missing, or no host name or address";
    return std::nullopt;
  }
  UrlAuthority authority{std::string(*host), default_port};
  if (text.empty() || text == ":") return authority;
  const auto port = text.starts_with(':') ? parse_port(text.substr(1)) : std::nullopt;
  if (!port) {
    complaint = "the port is not a number from 1 to 65535";
    return std::nullopt;
  }
  authority.port = *port;
  return authority;
}

std::string host_in_url(std::string_view host) {
  std::string text(host);
  return host.find(':') == std::string_view::npos ? text : "[" + text + "]";
}

std::string authority_with_port(const UrlAuthority& authority) {
  return host_in_url(authority.host) + ":" + std::to_string(authority.port);
}

}  // namespace mod_ws::protocol
