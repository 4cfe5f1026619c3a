#pragma once

namespace mod_ws::httpd {

/// Registers the content handler behind `WebSocketHandler NAME`.
void register_upgrade_handler();

}  // namespace mod_ws::httpd
