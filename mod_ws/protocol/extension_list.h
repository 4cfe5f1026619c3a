#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mod_ws::protocol {

/// One element of Sec-WebSocket-Extensions: "permessage-deflate; client_max_window_bits=12".
struct Extension {
  struct Parameter {
    std::string_view name;
    std::optional<std::string> value;  ///< Without its quotes.
  };

  std::string_view name;
  std::vector<Parameter> parameters;
};

/// Parses the header (RFC 6455 9.1), several lines joined with commas. Nothing when it does not
/// follow the grammar; an empty list for an absent header. The views point into `header`.
std::optional<std::vector<Extension>> parse_extension_list(std::string_view header);

}  // namespace mod_ws::protocol
