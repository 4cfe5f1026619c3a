#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mod_ws/metrics/tally.h"
#include "ws/close_code.h"

namespace mod_ws::connection {

/// How a session ended: what is noted first counts. Until then it is one word, of which very many
/// sessions have one.
class SessionEnd {
 public:
  using Ender = metrics::Ender;

  /// `code` is that of the first Close frame, or 1006 where `ender` was lost without one.
  void note(Ender ender, ws::CloseCode code, std::string_view cause) {
    if (!noted_) noted_ = std::make_unique<const Noted>(Noted{ender, code, std::string(cause)});
  }

  Ender ender() const { return noted().ender; }
  ws::CloseCode code() const { return noted().code; }
  /// For people: "no answer to a ping in time".
  const std::string& cause() const { return noted().cause; }

 private:
  struct Noted {
    Ender ender;
    ws::CloseCode code;
    std::string cause;
  };
  const Noted& noted() const {
    static const Noted of_process{Ender::server, ws::CloseCode::abnormal_closure,
                                  "the server process ends"};
    return noted_ ? *noted_ : of_process;
  }

  std::unique_ptr<const Noted> noted_;
};

}  // namespace mod_ws::connection
