#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "tests/bench/load/message_set.h"
#include "tests/bench/load/stream.h"

namespace mod_ws::bench {

struct Options {
  std::string mode;
  Target target;
  /// The server's first process, whose CPU time and memory are measured with its descendants'.
  pid_t server = 0;
  std::size_t connections = 50;
  std::size_t in_flight = 1;
  /// Messages a second in all, of echo; 0 for as many as are answered.
  std::size_t rate = 0;
  /// Where broadcast posts its messages.
  std::string publish_path;
  Content content;
  /// From a message's echo to the next message.
  std::chrono::milliseconds think_time{0};
  std::chrono::milliseconds warm_up{300};
  std::chrono::milliseconds duration{2'000};
  bool uses_tls = false;
  /// Whether somebody else begins and ends it.
  bool waits_for_input = false;
  /// What takes longer is missing.
  std::chrono::milliseconds patience{10'000};

  std::string handshake_headers() const {
    return content.is_compressed ? "Sec-WebSocket-Extensions: permessage-deflate; "
                                   "server_no_context_takeover; client_no_context_takeover\r\n"
                                 : "";
  }
};

/// Throws std::runtime_error with the usage when they make no sense.
Options parse_options(int argc, char** argv);

}  // namespace mod_ws::bench
