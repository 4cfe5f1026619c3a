#pragma once

#include <deque>
#include <memory>

#include "tests/bench/load/echo_session.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/poller.h"

namespace mod_ws::bench {

/// Many sessions that echo, on one thread.
class EchoLoad {
 public:
  /// Opens them, one after the other.
  explicit EchoLoad(const Options& options);
  EchoLoad(const EchoLoad&) = delete;  // sessions point into it
  EchoLoad& operator=(const EchoLoad&) = delete;

  /// Keeps messages under way for so long, and counts those that come back.
  void run(std::chrono::milliseconds duration);
  /// Sends so many messages a second as they are due, and counts them from then: one that a slow
  /// answer has held up was late already.
  void run_at_rate(std::chrono::milliseconds duration);
  /// Waits until nothing is under way.
  void settle();
  /// Sends nothing, and answers pings.
  void wait(std::chrono::milliseconds duration) { dispatch(duration); }

  /// Closes so many sessions, the oldest first, and opens others. Nothing is under way.
  void replace(std::size_t count);

  const Latencies& latencies() const { return latencies_; }
  void forget_latencies() { latencies_ = {}; }

 private:
  struct Thought {
    Clock::time_point end;
    EchoSession* session;
  };

  void open();
  void dispatch(std::chrono::nanoseconds patience);
  void serve(EchoSession& session, bool may_read);
  void answer(EchoSession& session, std::size_t count, Clock::time_point due);
  void end_thoughts();
  std::chrono::nanoseconds until_next(Clock::time_point end) const;
  bool has_under_way() const;
  void send(EchoSession& session) { poller_.poll_for_sending(session, !session.send()); }

  const Options& options_;
  MessageSet messages_;
  std::deque<std::unique_ptr<EchoSession>> sessions_;
  std::deque<Thought> thoughts_;  ///< All are as long, so the first one ends first.
  Poller poller_;
  Latencies latencies_;
  bool goes_on_ = false;
};

}  // namespace mod_ws::bench
