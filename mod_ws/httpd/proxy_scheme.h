#pragma once

namespace mod_ws::httpd {

/// Registers mod_ws as the scheme handler of mod_proxy for ws:// and wss:// workers, and for
/// http(s):// workers with upgrade=websocket, before mod_proxy_wstunnel and mod_proxy_http.
void register_proxy_scheme();

}  // namespace mod_ws::httpd
