#pragma once

namespace mod_ws::httpd {

/// Tells that some section uses the prefix: offers that begin with it are kept from all that runs
/// before the section of a request is known.
void note_auth_subprotocol(const char* prefix);

/// Registers the hooks that turn an offered subprotocol, PREFIX and a token in base64url, into the
/// header Authorization, before httpd's authentication runs.
void register_auth_subprotocol();

}  // namespace mod_ws::httpd
