#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/connection/meter.h"
#include "mod_ws/metrics/board.h"

namespace mod_ws::httpd {

/// What does not change in a session that the status page shows.
struct SessionFacts {
  std::uint64_t id;
  metrics::Labels labels;
  std::string client;  ///< Its address and port.
  std::string user;
  std::string uri;
  std::string subprotocol;
};

/// A session in the status page's table.
struct SessionRow {
  std::shared_ptr<const SessionFacts> facts;
  std::chrono::milliseconds age;
  connection::Traffic client;
  pid_t process;
};

/// Rows as one process sends them to another one of the same module.
std::string serialize(std::span<const SessionRow> rows);

/// Empty where the text is none.
std::vector<SessionRow> parse_rows(std::string_view text);

}  // namespace mod_ws::httpd
