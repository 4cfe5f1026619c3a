#pragma once

#include <string_view>

namespace ws {

/// The request that opened the session, as httpd had it after authentication and rewriting. The
/// views live as long as the session.
struct Request {
  std::string_view uri;             ///< Path and query as the client sent them.
  std::string_view remote_address;  ///< The client's, as mod_remoteip sees it: "192.0.2.7:51522".
  std::string_view user;            ///< Whom httpd authenticated; empty if nobody.
};

}  // namespace ws
