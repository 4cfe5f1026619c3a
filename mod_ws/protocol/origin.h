#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mod_ws::protocol {

/// Which web pages may open a session: browsers say in Origin where a page came from, and this is
/// what stands between a user's cookies and a foreign page (RFC 6455 10.2). A request without
/// Origin is not a browser's and is always let in.
class OriginRules {
 public:
  /// `same`: the Origin's host and port are the request's own. The scheme is not compared: TLS may
  /// end in front of httpd.
  static OriginRules same();
  static OriginRules any();

  /// Adds "same", "any", or a pattern: `[scheme://]host[:port]`, where host may begin with `*.` for
  /// one or more labels and port may be
  /// `*`. Without a scheme both fit, without a port the scheme's default. Returns what is wrong
  /// with it, or nothing.
  std::optional<std::string> add(std::string_view rule);

  /// `host` is the request's Host header, `origin` its Origin header, empty if absent.
  bool allow(std::string_view origin, std::string_view host) const;

  bool operator==(const OriginRules&) const = default;

 private:
  struct Pattern {
    std::string scheme;  // empty: any
    std::string host;    // lower case, without the "*." of a wildcard
    std::string port;    // empty: the scheme's default, "*": any
    bool with_subdomains = false;
    bool operator==(const Pattern&) const = default;
  };
  bool same_ = false;
  bool any_ = false;
  std::vector<Pattern> patterns_;
};

}  // namespace mod_ws::protocol
