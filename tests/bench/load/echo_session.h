#pragma once

#include <cstdint>
#include <deque>

#include "tests/bench/load/latencies.h"
#include "tests/bench/load/session.h"

namespace mod_ws::bench {

/// A session that sends messages of a set in turn, and expects each back.
class EchoSession : public Session {
 public:
  /// `messages` outlives it.
  EchoSession(const Target& target, std::string_view headers, const MessageSet& messages)
      : Session(target, headers, messages), messages_(&messages) {}

  /// One more message is due, or was: its latency counts from then.
  void queue(Clock::time_point due) { due_at_.push_back(due), ++queued_; }
  /// Whether everything queued has been sent.
  bool send();
  /// Reads what is there; returns how many messages came back.
  std::size_t receive(Latencies& latencies);

  bool has_under_way() const { return !due_at_.empty(); }

 private:
  std::size_t send_frames();
  void advance(std::size_t sent_bytes);

  const MessageSet* messages_;
  std::deque<Clock::time_point> due_at_;  ///< Of those that have not come back.
  std::uint64_t queued_ = 0;
  std::uint64_t sent_ = 0;
  std::size_t offset_ = 0;    ///< In the frame of message `sent_`.
  bool write_waits_ = false;  ///< The same bytes must be offered again, and no others before.
};

}  // namespace mod_ws::bench
