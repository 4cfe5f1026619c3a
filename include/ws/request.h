#pragma once

#include <string>

namespace ws {

/// The request that opened the session, as httpd had it after authentication and rewriting.
struct Request {
  std::string uri;             ///< Path and query as the client sent them.
  std::string remote_address;  ///< The client's, as mod_remoteip sees it: "192.0.2.7:51522".
  std::string user;            ///< Whom httpd authenticated; empty if nobody.
};

}  // namespace ws
