#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/bench/load/stream.h"

namespace mod_ws::bench {

/// An HTTP server's answer to a request on a connection that stays.
struct HttpAnswer {
  std::size_t status = 0;
  std::string body;
  /// What it took, with its head.
  std::size_t bytes = 0;
};

/// The first one; nothing while it is incomplete. What is no answer, or has no length, throws
/// std::runtime_error.
std::optional<HttpAnswer> parse_answer(std::string_view received);

/// Waits for the answer. `more_headers` end with CR and LF each.
HttpAnswer get(Stream& stream, const std::string& path, std::string_view more_headers = "");

}  // namespace mod_ws::bench
