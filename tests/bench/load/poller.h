#pragma once

#include <chrono>
#include <functional>

#include "mod_ws/base/unique_fd.h"
#include "tests/bench/load/session.h"

namespace mod_ws::bench {

/// Tells which of many sessions can go on; and of other connections, that one of them can.
class Poller {
 public:
  Poller();

  /// It outlives this, or its connection's end takes it out.
  void add(Session& session) { add(session.fd(), &session); }
  void add(int fd) { add(fd, nullptr); }

  /// From now on the session is told of when it can send, too, or no longer.
  void poll_for_sending(Session& session, bool waits);

  /// Null stands for the others.
  using Serve = std::function<void(Session* session, bool may_read)>;
  /// Waits for so long at the most.
  void dispatch(std::chrono::nanoseconds patience, const Serve& serve);

 private:
  void add(int fd, Session* session);

  base::UniqueFd epoll_;
};

}  // namespace mod_ws::bench
