#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/bench/load/answer_reader.h"
#include "tests/bench/load/message_set.h"
#include "tests/bench/load/stream.h"

namespace mod_ws::bench {

using Clock = std::chrono::steady_clock;

/// A session that expects messages of a set in turn. What fails throws std::runtime_error.
class Session {
 public:
  /// `expected` outlives it.
  Session(const Target& target, std::string_view headers, const MessageSet& expected);

  int fd() const { return stream_.fd(); }
  std::uint64_t received() const { return reader_.message_count(); }

  /// Of messages that came at once: the first one's number, and how many there are.
  using OnMessages = std::function<void(std::uint64_t first, std::size_t count)>;
  /// Reads what is there.
  void receive(const OnMessages& on_messages);
  /// Whether every ping has its answer. Not to be called within a frame.
  bool send_pong();
  /// Lets its end be a reset, so that no port is left waiting.
  void reset_on_close() { stream_.reset_on_close(); }

  /// What it waits for, as far as the Poller has been told.
  bool is_polled_for_sending = false;

 protected:
  Stream& stream() { return stream_; }

 private:
  Stream stream_;
  AnswerReader reader_;
  std::string pong_;
};

}  // namespace mod_ws::bench
