#include "mod_ws/httpd/running.h"

#include <algorithm>

#include "mod_ws/handler/loop_runtime.h"
#include "mod_ws/httpd/channels.h"
#include "mod_ws/httpd/session_log.h"
#include "mod_ws/httpd/session_table.h"

namespace mod_ws::httpd {
namespace {

/// For sessions to say goodbye in, each at most its close timeout, and then for what they publish
/// with it. httpd kills a child after nine seconds.
constexpr std::chrono::milliseconds stop_grace{8'000};
constexpr std::chrono::milliseconds least_grace{500};
constexpr std::chrono::milliseconds flush_patience{500};

}  // namespace

Running::Running(unsigned threads, const engine::LoopOptions& options)
    : engine(threads, options),
      mesh_engine(1, {}),
      exchange(engine.loops(), join_channels(*mesh_engine.loops().front()), session_table(engine)) {
  handler::runtime().set_exchange(&exchange);
}

void Running::pause() {
  engine.pause();
  mesh_engine.pause();
}

void Running::resume() {
  mesh_engine.resume();
  engine.resume();
}

void Running::stop(std::chrono::milliseconds spent) {
  engine.stop(std::max(stop_grace - spent, least_grace));
  exchange.flush(flush_patience);
  close_session_logs(*mesh_engine.loops().front(), flush_patience);
  mesh_engine.stop(std::chrono::milliseconds(0));
}

}  // namespace mod_ws::httpd
