#include "mod_ws/protocol/origin.h"

#include <algorithm>

namespace mod_ws::protocol {
namespace {

struct Authority {
  std::string host;
  std::string port;  // empty if there is none
  bool has_port = false;
};

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

/// "host", "host:port", "[::1]:port"
Authority split_authority(std::string_view text) {
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return {.host = lowered(text), .port = {}};
  }
  return {.host = lowered(text.substr(0, colon)),
          .port = std::string(text.substr(colon + 1)),
          .has_port = true};
}

std::string_view default_port(std::string_view scheme) {
  return scheme == "https" || scheme == "wss" ? "443" : "80";
}

bool same_port(std::string_view a, std::string_view b, std::string_view scheme) {
  return (a.empty() ? default_port(scheme) : a) == (b.empty() ? default_port(scheme) : b);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// 1 to 65535, or "*".
bool is_port(std::string_view text) {
  if (text == "*") return true;
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit))
    return false;
  const int port = std::stoi(std::string(text));
  return port >= 1 && port <= 65535;
}

/// RFC 3986 3.1, in lower case.
bool is_scheme(std::string_view text) {
  return !text.empty() && text[0] >= 'a' && text[0] <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || is_digit(c) || c == '+' || c == '-' || c == '.';
         });
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) ||
         std::string_view("-._[]:").find(c) != std::string_view::npos;
}

bool is_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), is_host_char);
}

}  // namespace

OriginRules OriginRules::same() {
  OriginRules rules;
  rules.same_ = true;
  return rules;
}

OriginRules OriginRules::any() {
  OriginRules rules;
  rules.any_ = true;
  return rules;
}

std::optional<std::string> OriginRules::add(std::string_view rule) {
  if (rule == "same" || rule == "any") {
    (rule == "same" ? same_ : any_) = true;
    return std::nullopt;
  }
  if (rule == "all" || rule == "none") return "is not a host; write any, same, or hosts";
  constexpr const char* complaint =
      "is not same, any, or [scheme://]host[:port] with an optional leading \"*.\" in the host";
  Pattern pattern;
  if (const auto mark = rule.find("://"); mark != std::string_view::npos) {
    pattern.scheme = lowered(rule.substr(0, mark));
    if (!is_scheme(pattern.scheme)) return complaint;
    rule.remove_prefix(mark + 3);
  }
  Authority authority = split_authority(rule);
  if (authority.host.starts_with("*.")) {
    pattern.with_subdomains = true;
    authority.host.erase(0, 2);
  }
  if (!is_host(authority.host) || (authority.has_port && !is_port(authority.port)))
    return complaint;
  pattern.host = std::move(authority.host);
  pattern.port = std::move(authority.port);
  patterns_.push_back(std::move(pattern));
  return std::nullopt;
}

bool OriginRules::allow(std::string_view origin, std::string_view host) const {
  if (any_ || origin.empty()) return true;
  const auto mark = origin.find("://");
  if (mark == std::string_view::npos) return false;  // "null", or not an origin at all
  const std::string scheme = lowered(origin.substr(0, mark));
  const Authority theirs = split_authority(origin.substr(mark + 3));
  if (!is_host(theirs.host)) return false;
  if (same_) {
    const Authority ours = split_authority(host);
    if (theirs.host == ours.host && same_port(theirs.port, ours.port, scheme)) return true;
  }
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
    if (!pattern.scheme.empty() && pattern.scheme != scheme) return false;
    if (pattern.port != "*" && !same_port(pattern.port, theirs.port, scheme)) return false;
    return pattern.with_subdomains ? theirs.host.ends_with("." + pattern.host)
                                   : theirs.host == pattern.host;
  });
}

}  // namespace mod_ws::protocol
