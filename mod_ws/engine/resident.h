#pragma once

namespace mod_ws::engine {

class EventLoop;

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

  /// The loop is about to end: say goodbye to the peers, and retire soon.
  virtual void go_away() = 0;

 private:
  friend class EventLoop;
  Resident* previous_ = nullptr;
  Resident* next_ = nullptr;

  bool is_retired() const { return previous_ == this; }
  void mark_retired() { previous_ = this; }
};

}  // namespace mod_ws::engine
