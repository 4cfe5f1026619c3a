#pragma once

#include <utility>

#include "mod_ws/handler/conn_session.h"
#include "ws/task.h"

namespace mod_ws::handler {

/// A coroutine that runs beside a handler: see ws::Conn::spawn().
class Sibling final : ws::detail::TaskOwner {
 public:
  Sibling(ConnSession& session, ws::Task<> task) : session_(session), task_(std::move(task)) {}

  void start() { task_.start(*this); }
  /// It has ended, and may be destroyed, but not in its own last breath.
  bool is_done() const { return is_done_; }

 private:
  void on_task_done() noexcept override {
    is_done_ = true;
    try {
      task_.take_result();
    } catch (...) {
      session_.fail_with_exception("a sibling of the handler");
    }
  }

  ConnSession& session_;
  bool is_done_ = false;
  ws::Task<> task_;
};

}  // namespace mod_ws::handler
