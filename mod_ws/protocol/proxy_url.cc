#include "mod_ws/protocol/proxy_url.h"

#include "mod_ws/protocol/base64.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

constexpr std::string_view scheme = "http://";
constexpr std::uint16_t http_port = 80;

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[++i]);
    const int low = hex_value(text[++i]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
  }
  return decoded;
}

/// RFC 7617 2. Nothing where an escape is broken, or the user would hold the colon that ends it.
std::optional<std::string> basic_credentials(std::string_view user_info) {
  const auto colon = user_info.find(':');
  const auto user = decode_percent(user_info.substr(0, colon));
  const auto password = decode_percent(
      colon == std::string_view::npos ? std::string_view{} : user_info.substr(colon + 1));
  if (!user || !password || user->find(':') != std::string::npos) return std::nullopt;
  const std::string both = *user + ":" + *password;
  return "Basic " +
         encode_base64({reinterpret_cast<const std::uint8_t*>(both.data()), both.size()});
}

}  // namespace

std::optional<ProxyUrl> parse_proxy_url(std::string_view text, const char*& complaint) {
  if (!equals_ignoring_case(text.substr(0, scheme.size()), scheme)) {
    complaint = "it does not begin with http://";
    return std::nullopt;
  }
  text.remove_prefix(scheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  ProxyUrl url;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    auto credentials = basic_credentials(text.substr(0, at));
    if (!credentials) {
      complaint = "user and password are not percent-encoded as they should be";
      return std::nullopt;
    }
    url.authorization = std::move(*credentials);
    text.remove_prefix(at + 1);
  }
  auto authority = parse_url_authority(text, http_port, complaint);
  if (!authority) return std::nullopt;
  url.authority = std::move(*authority);
  return url;
}

}  // namespace mod_ws::protocol
