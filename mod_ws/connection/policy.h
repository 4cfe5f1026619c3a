#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mod_ws/connection/rate_limiter.h"
#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/permessage_deflate.h"

namespace mod_ws::connection {

/// What `WebSocketCompression` says.
struct Compression {
  enum class Mode : std::uint8_t {
    off,   ///< No extension is agreed on, or offered to a backend.
    on,    ///< mod_ws deflates and inflates.
    pass,  ///< A relay lets its two sides agree.
  };

  /// Where a relay deflates and inflates with Mode::on.
  enum class Leg : std::uint8_t { client, backend, both };

  Mode mode = Mode::on;
  Leg leg = Leg::client;
  protocol::DeflateSettings settings;
  protocol::DeflateEffort effort;
  std::uint64_t min_size_bytes = 64;  ///< Smaller messages are sent as they are: what is saved
                                      ///< would not fill the frame's header.

  bool operator==(const Compression&) const = default;
};

/// What `WebSocketSendQueue` says of a relay's peer that is slow to take what the other one sends.
struct SendQueue {
  enum class Action : std::uint8_t {
    wait,   ///< The other one is not read from meanwhile: nothing is queued but its last read.
    close,  ///< With more than `limit_bytes` queued, the session ends: close 1008.
    drop,   ///< With more than `limit_bytes` queued, whole messages are left out.
  };

  Action action = Action::wait;
  std::uint64_t limit_bytes = 0;

  bool operator==(const SendQueue&) const = default;
};

/// The settings of its own that a location gives a handler: names and values. Of several with one
/// name the last one counts.
using HandlerOptions = std::vector<std::pair<std::string, std::string>>;

/// What the directives of a location say about its sessions. Immutable; shared by all sessions of
/// the location for the child's life.
struct Policy {
  using Time = std::chrono::milliseconds;

  protocol::FrameLimits client_limits{};   ///< On what the client sends.
  protocol::FrameLimits backend_limits{};  ///< On what a relay's backend sends.
  Time close_timeout{5'000};               ///< From our Close frame to the TCP connection's end.
  Time write_timeout{30'000};       ///< For a peer that takes no byte while some wait for it.
  Time ping_interval{30'000};       ///< A peer that is silent so long is pinged; 0: never.
  Time pong_timeout{30'000};        ///< A peer that then stays silent so long is dead.
  Time idle_timeout{0};             ///< Without a message in either direction; 0: any time.
  Time max_lifetime{0};             ///< Of a session; 0: any time.
  bool validates_messages = false;  ///< Text for UTF-8; and what compressed ones swell to.
  RateLimit rate_limit{};           ///< On what the client sends.
  SendQueue send_queue{};
  std::size_t write_buffer_bytes = 64 << 10;  ///< With more queued, a handler's writes wait.
  Compression compression{};
  const char* handler_name = nullptr;  ///< Lives as long as the process.
  const void* log_server = nullptr;    ///< See base::LogSubject.
  bool traces_frames = false;          ///< The log wants a line for each.
  HandlerOptions handler_options{};

  bool operator==(const Policy&) const = default;
};

}  // namespace mod_ws::connection
