#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/load/answer_reader.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/message_set.h"
#include "tests/bench/load/stream.h"

namespace mod_ws::bench {

using Clock = std::chrono::steady_clock;

/// A session that sends messages of a set in turn, and expects each back.
class EchoSession {
 public:
  /// `messages` outlives it. At most so many messages are under way.
  EchoSession(const Target& target, std::string_view headers, const MessageSet& messages,
              std::size_t in_flight);

  int fd() const { return stream_.fd(); }
  /// One more message is due, or was: its latency counts from then.
  void queue(Clock::time_point due) { due_at_[queued_++ % due_at_.size()] = due; }
  /// Whether everything queued has been sent.
  bool send();
  /// Reads what is there; returns how many messages came back.
  std::size_t receive(Latencies& latencies);

  std::uint64_t received() const { return reader_.message_count(); }
  bool has_under_way() const { return queued_ > received(); }

  /// What it waits for, as far as whoever polls has been told.
  bool is_polled_for_sending = false;

 private:
  std::size_t send_frames();
  bool send_pong();
  void advance(std::size_t sent_bytes);

  Stream stream_;
  const MessageSet* messages_;
  AnswerReader reader_;
  std::vector<Clock::time_point> due_at_;
  std::uint64_t queued_ = 0;
  std::uint64_t sent_ = 0;
  std::size_t offset_ = 0;  ///< In the frame of message `sent_`.
  std::string pong_;
  bool write_waits_ = false;  ///< The same bytes must be offered again, and no others before.
};

}  // namespace mod_ws::bench
