#pragma once

#include <string>
#include <string_view>

#include "mod_ws/metrics/tally.h"
#include "ws/close_code.h"

namespace mod_ws::connection {

/// How a session ended: what is noted first counts.
class SessionEnd {
 public:
  using Ender = metrics::Ender;

  /// `code` is that of the first Close frame, or 1006 where `ender` was lost without one.
  void note(Ender ender, ws::CloseCode code, std::string_view cause) {
    if (is_noted_) return;
    *this = SessionEnd(ender, code, cause);
  }

  SessionEnd() = default;
  Ender ender() const { return ender_; }
  ws::CloseCode code() const { return code_; }
  /// For people: "no answer to a ping in time".
  const std::string& cause() const { return cause_; }

 private:
  SessionEnd(Ender ender, ws::CloseCode code, std::string_view cause)
      : ender_(ender), is_noted_(true), code_(code), cause_(cause) {}

  Ender ender_ = Ender::server;
  bool is_noted_ = false;
  ws::CloseCode code_ = ws::CloseCode::abnormal_closure;
  std::string cause_ = "the server process ends";
};

}  // namespace mod_ws::connection
