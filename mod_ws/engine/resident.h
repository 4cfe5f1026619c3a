#pragma once

#include <cstdint>
#include <string_view>

namespace mod_ws::engine {

class EventLoop;

/// What a session that has to go tells its peers.
struct Farewell {
  std::uint16_t close_code;
  std::string_view reason;  ///< Lives as long as the process.
};

inline constexpr Farewell server_ends{1001, "the server process ends"};

/// What lives on a loop: a session. The loop owns it from its adoption until
/// EventLoop::retire().
class Resident {
 public:
  Resident() = default;
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  virtual ~Resident() = default;

  /// The loop has it now. Every call from here on is on the loop's thread.
  virtual void on_adopted() = 0;

  /// The loop is about to end, or to be emptied: say goodbye to the peers, and retire soon.
  virtual void go_away(const Farewell& farewell) = 0;

 private:
  friend class EventLoop;
  friend class Drain;
  Resident* previous_ = nullptr;
  Resident* next_ = nullptr;

  bool is_retired() const { return previous_ == this; }
  void mark_retired() { previous_ = this; }
};

}  // namespace mod_ws::engine
