#pragma once

namespace mod_ws::httpd {

/// Registers `SetHandler websocket-publish`: POST of a message to LOCATION/CHANNEL publishes it,
/// GET tells how many subscribe.
void register_publish_handler();

}  // namespace mod_ws::httpd
