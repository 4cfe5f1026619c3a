#pragma once

#include "mod_ws/httpd/httpd.h"

/// mod_proxy's header, which does not say itself that it is C.
extern "C" {
#include <mod_proxy.h>
}

namespace mod_ws::httpd {

/// Whether mod_proxy's handler is going to serve the request; with `to`, only by what begins with
/// it: "balancer:".
inline bool is_proxied(const request_rec* r, std::string_view to = {}) {
  constexpr std::string_view proxy = "proxy:";
  const auto leads_there = [&](std::string_view name) {
    return name.starts_with(proxy) && name.substr(proxy.size()).starts_with(to);
  };
  return (r->proxyreq != PROXYREQ_NONE && leads_there(view_of(r->filename))) ||
         leads_there(view_of(r->handler));
}

}  // namespace mod_ws::httpd
