#pragma once

#include "mod_ws/engine/timer_wheel.h"
#include "mod_ws/handler/conn_session.h"

namespace mod_ws::handler {

/// See ws::Conn::set_read_deadline().
class ReadDeadline final : public engine::Timer {
 public:
  explicit ReadDeadline(ConnSession& session) : session_(session) {}

 private:
  void on_timer() override { session_.end_reading("the read deadline has passed"); }

  ConnSession& session_;
};

}  // namespace mod_ws::handler
