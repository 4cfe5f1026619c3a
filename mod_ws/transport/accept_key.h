#pragma once

#include <string>
#include <string_view>

namespace mod_ws::transport {

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key: base64 of the SHA-1 of key and GUID (RFC
/// 6455 4.2.2). It is not a secret; the hash shows that a server, and not a cache, has read the
/// request.
std::string accept_key(std::string_view key);

}  // namespace mod_ws::transport
