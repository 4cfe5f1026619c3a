#pragma once

#include <string>
#include <string_view>

#include "tests/bench/load/stream.h"

namespace mod_ws::bench {

/// Publishes to a channel by HTTP: POST sends a message to its subscribers, GET says how many there
/// are. What fails throws std::runtime_error.
class Publisher {
 public:
  /// `path` is the channel's.
  Publisher(const Target& target, std::string path);

  int fd() const { return stream_.fd(); }
  /// Asks the server, and waits for the answer. Before anything is published.
  std::size_t count_subscribers();
  void set_nonblocking() { stream_.set_nonblocking(); }
  /// Whether the messages before it have their answers or not.
  void publish(std::string_view message);
  /// Whether some message has no answer yet.
  bool waits() const { return unanswered_ > 0; }
  /// Reads what is there.
  void receive();

 private:
  Stream stream_;
  std::string path_;
  std::string answers_;
  std::size_t unanswered_ = 0;
};

}  // namespace mod_ws::bench
