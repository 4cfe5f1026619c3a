#pragma once

#include <string>

namespace mod_ws::protocol {

/// One header line of an HTTP/1.1 message.
struct HeaderField {
  std::string name;
  std::string value;

  bool operator==(const HeaderField&) const = default;
};

}  // namespace mod_ws::protocol
