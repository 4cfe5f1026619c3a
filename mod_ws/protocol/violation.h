#pragma once

#include "ws/close_code.h"

namespace mod_ws::protocol {

/// What the peer did wrong: the close code to fail the connection with, and a reason for the Close
/// frame and the log. Named where it is found; only the connection acts on it.
struct Violation {
  ws::CloseCode code;
  const char* reason;  ///< A string literal of at most 123 bytes.
};
static_assert(sizeof(Violation) == 16);

}  // namespace mod_ws::protocol
