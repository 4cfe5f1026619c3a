#include "mod_ws/httpd/child_life.h"

#include <ap_mpm.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "mod_ws/handler/loop_runtime.h"
#include "mod_ws/httpd/channels.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/log.h"

namespace mod_ws::httpd {
namespace {

/// What is left of the seconds that httpd gives a child to end, for sessions to say goodbye in.
constexpr std::chrono::milliseconds stop_grace{2'000};
constexpr std::chrono::milliseconds default_blocked_loop_warning{1'000};
constexpr unsigned max_default_threads = 4;

// Lives until the process ends, even when it has been stopped, and is not destroyed then:
// connections that httpd lets go of last, senders and offloaded work still post to it.
struct Running {
  explicit Running(unsigned threads, const engine::LoopOptions& options)
      : engine(threads, options), exchange(engine.loops(), join_channels(engine)) {
    handler::runtime().set_exchange(&exchange);
  }

  engine::Engine engine;
  channels::Exchange exchange;
};
Running* running = nullptr;
std::mutex running_mutex;
unsigned engine_threads = 1;
std::chrono::milliseconds blocked_loop_warning{};
engine::LoopOptions loop_options;

unsigned default_engine_threads() {
  int children_are_threaded = 0;
  ap_mpm_query(AP_MPMQ_IS_THREADED, &children_are_threaded);
  // A prefork child serves one request at a time; there are many of them instead.
  if (children_are_threaded == AP_MPMQ_NOT_SUPPORTED) return 1;
  return std::clamp(std::thread::hardware_concurrency(), 1U, max_default_threads);
}

apr_status_t stop_engine(void*) {
  if (running == nullptr) return APR_SUCCESS;
  if (const std::size_t sessions = running->engine.resident_count(); sessions > 0) {
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "%" APR_SIZE_T_FMT
                 " WebSocket sessions are closed with 1001: their child process ends",
                 sessions);
  }
  running->engine.stop(stop_grace);
  return APR_SUCCESS;
}

void begin_child(apr_pool_t* child_pool, server_rec* server) {
  install_log_sink();
  const ServerConfig& config = server_config(server);
  engine_threads = config.engine_threads.value_or(default_engine_threads());
  blocked_loop_warning = config.blocked_loop_warning.value_or(default_blocked_loop_warning);
  if (config.read_buffer_bytes) loop_options.receive_buffer_bytes = *config.read_buffer_bytes;
  apr_pool_cleanup_register(child_pool, nullptr, stop_engine, apr_pool_cleanup_null);
}

Running& run() {
  const std::lock_guard lock(running_mutex);
  if (running == nullptr) running = new Running(engine_threads, loop_options);
  return *running;
}

}  // namespace

void register_child_life() { ap_hook_child_init(begin_child, nullptr, nullptr, APR_HOOK_MIDDLE); }

engine::Engine& child_engine() { return run().engine; }

engine::Engine& child_engine_for_handlers() {
  engine::Engine& engine = child_engine();
  if (blocked_loop_warning.count() > 0) engine.watch_guests(blocked_loop_warning);
  return engine;
}

channels::Exchange& child_exchange() { return run().exchange; }

}  // namespace mod_ws::httpd
