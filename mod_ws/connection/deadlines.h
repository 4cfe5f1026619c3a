#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "mod_ws/connection/policy.h"
#include "mod_ws/engine/timer_wheel.h"

namespace mod_ws::connection {

/// What a connection has to do because of the time.
enum class Due : std::uint8_t {
  nothing,
  ping,           ///< Nothing came for the ping interval: ask whether the peer is still there.
  pong_timeout,   ///< Not even then.
  idle_timeout,   ///< No message in either direction for too long.
  lifetime,       ///< The session is as old as it may become.
  write_timeout,  ///< The peer took no byte for too long.
  server_end,     ///< The server has not ended the TCP connection: the client does.
  close_timeout,  ///< The peer did not complete the closing handshake in time.
  reading,        ///< The rate limit lets more come.
};

/// RFC 6455 7.1.1: "after a reasonable time period".
inline constexpr std::chrono::milliseconds server_end_timeout{250};

/// What the Close frame says when Due::idle_timeout or Due::lifetime ends a session.
std::string_view closing_reason(Due due);

/// All the deadlines of one connection, by what its policy says. Traffic only notes the time here;
/// the one timer of the connection looks what is due when it fires, and is set again. Times are in
/// EventLoop::tick()s.
class Deadlines {
 public:
  using Tick = std::uint32_t;

  /// As many that the time is over after them; 0 for a time that is over.
  static Tick ticks_in(std::chrono::milliseconds time);

  void start(Tick now);

  /// Bytes of any kind have come. True when they were waited for: what is due next may be earlier
  /// now.
  bool on_received(Tick now) {
    received_ = now;
    return std::exchange(awaits_pong_, false);
  }
  /// A data frame has come, or leaves.
  void on_data(Tick now) { data_ = now; }
  /// A ping was due. `sent` false: it could not be sent now, and is put off.
  void on_ping(Tick now, bool sent);
  /// Bytes have begun to wait for the peer, or it has taken some of them.
  void on_write_progress(Tick now) {
    write_ = now;
    awaits_write_ = true;
  }
  /// Nothing waits for the peer any more.
  void on_written(Tick now) {
    awaits_write_ = false;
    closing_ = now;  // its Close frame has left only now
  }
  /// Our Close frame is out, or queued. The first time counts.
  void on_closing(Tick now);
  /// The peer has taken bytes that had to wait.
  bool has_written_since_ping() const { return static_cast<std::int32_t>(write_ - ping_) > 0; }
  /// The closing handshake is complete, and the peer, a server, has to end the connection first: it
  /// gets server_end_timeout, or half of the close timeout.
  void await_server_end(Tick now) {
    server_end_ = now;
    closing_phase_ = ClosingPhase::awaits_server_end;
  }
  void forgo_server_end() {
    if (awaits_server_end()) closing_phase_ = ClosingPhase::begun;
  }
  bool awaits_server_end() const { return closing_phase_ == ClosingPhase::awaits_server_end; }
  /// What is queued for the peer gets no time of its own: closing ends when its time is over.
  void hurry() { hurries_ = true; }

  bool is_closing() const { return closing_phase_ != ClosingPhase::none; }

  /// Since start().
  std::chrono::milliseconds age(Tick now) const {
    return static_cast<std::int64_t>(now - started_) * engine::TimerWheel::tick_length;
  }

  struct Next {
    Due due;
    Tick wait;  ///< From now; 0: it is due.
  };
  /// What comes first.
  Next next(const Policy& policy, Tick now) const;

 private:
  enum class ClosingPhase : std::uint8_t { none, begun, awaits_server_end };

  Tick started_ = 0;
  Tick received_ = 0;
  Tick data_ = 0;
  union {  // nobody is pinged while a server's end is awaited
    Tick ping_ = 0;
    Tick server_end_;
  };
  Tick write_ = 0;
  Tick closing_ = 0;
  bool awaits_pong_ = false;
  bool awaits_write_ = false;
  bool hurries_ = false;
  ClosingPhase closing_phase_ = ClosingPhase::none;
};

}  // namespace mod_ws::connection
