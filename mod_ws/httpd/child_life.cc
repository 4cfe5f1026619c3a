#include "mod_ws/httpd/child_life.h"

#include <ap_mpm.h>
#include <mpm_common.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "mod_ws/connection/session_record.h"
#include "mod_ws/handler/loop_runtime.h"
#include "mod_ws/httpd/bridge.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/keeper.h"
#include "mod_ws/httpd/lifeline.h"
#include "mod_ws/httpd/log.h"
#include "mod_ws/httpd/running.h"

namespace mod_ws::httpd {
namespace {

constexpr std::chrono::milliseconds default_blocked_loop_warning{1'000};
constexpr unsigned max_default_threads = 4;
/// Of a loop that a handler blocks, the child does not wait for.
constexpr std::chrono::seconds retire_patience{1};

std::atomic<Running*> running = nullptr;
std::mutex running_mutex;
unsigned engine_threads = 1;
std::chrono::milliseconds blocked_loop_warning{};
std::optional<engine::DrainPlan> drain;
engine::LoopOptions loop_options;

bool child_is_threaded() {
  int threaded = AP_MPMQ_NOT_SUPPORTED;
  ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
  return threaded != AP_MPMQ_NOT_SUPPORTED;
}

unsigned default_engine_threads() {
  // A prefork child serves one request at a time; there are many of them instead.
  if (!child_is_threaded()) return 1;
  return std::clamp(std::thread::hardware_concurrency(), 1U, max_default_threads);
}

// ---- how the child ends

using Clock = std::chrono::steady_clock;
using connection::OpenSessions;

/// Of the sessions that end with the child. Before the next thing that a loop is told to do.
template <class Act>
void for_each_that_ends(const engine::Engine& engine, Act act) {
  for (engine::EventLoop* const loop : engine.loops()) {
    loop->post([loop, act] {
      // What is done with a session may end it.
      std::vector<engine::Resident*> ending;
      loop->local<OpenSessions>().for_each([&](const OpenSessions::Open& open) {
        if (open.record.ends_with_child) ending.push_back(&open.session);
        return true;
      });
      for (engine::Resident* const session : ending) act(*loop, *session);
    });
  }
}

/// While the worker threads of bridges are still there.
void send_away_what_ends() {
  if (running == nullptr) return;
  for_each_that_ends(running.load()->engine, [](engine::EventLoop&, engine::Resident& session) {
    session.go_away(engine::server_ends);
  });
}

/// Whether it ends by itself or for a graceful restart, not because the server stops or restarts at
/// once.
std::atomic<bool> ends_gracefully{false};
std::atomic<bool> is_stopping{false};
std::atomic<Clock::time_point> told_to_stop{};

/// By two threads at the same time where a child is told to end that was ending by itself.
void note_stopping(apr_pool_t*, int is_graceful) {
  if (child_is_threaded()) ends_gracefully = is_graceful != 0;
  told_to_stop = Clock::now();
  is_stopping = true;
  send_away_what_ends();
  // In prefork's child no other thread waits, and this one is interrupted.
  if (child_is_threaded() && is_graceful == 0) Bridge::cut_all();
}

// prefork does not tell how it ends; but it ends a child at once by these signals only.
std::array<struct sigaction, NSIG> handlers_of_prefork;

void note_signal(int signal) {
  ends_gracefully = false;
  handlers_of_prefork[static_cast<std::size_t>(signal)].sa_handler(signal);
}

void watch_signals() {
  ends_gracefully = true;
  for (const int signal : {SIGTERM, SIGHUP}) {
    auto& handler = handlers_of_prefork[static_cast<std::size_t>(signal)];
    struct sigaction noting {};
    noting.sa_handler = note_signal;
    ::sigaction(signal, nullptr, &handler);
    if (handler.sa_handler != SIG_DFL && handler.sa_handler != SIG_IGN)
      ::sigaction(signal, &noting, nullptr);
  }
}

/// A keeper is not to have them; the threads of bridges are gone. Returns when it is done.
void retire_what_ends(const engine::Engine& engine) {
  for_each_that_ends(
      engine, [](engine::EventLoop& loop, engine::Resident& session) { loop.retire(session); });
  for (engine::EventLoop* const loop : engine.loops()) {
    const auto done = std::make_shared<std::promise<void>>();
    // A turn later they are buried.
    loop->post([loop, done] { loop->post([done] { done->set_value(); }); });
    done->get_future().wait_for(retire_patience);
  }
}

/// Of httpd's, which it has for a child only when it stops or restarts at once. mod_http2 may have
/// waited five seconds for the thread of a bridge whose client takes nothing.
std::chrono::milliseconds spent_patience() {
  if (ends_gracefully || !is_stopping) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - told_to_stop.load());
}

apr_status_t end_engine(void*) {
  if (running == nullptr) return APR_SUCCESS;
  Running& present = *running;
  if (ends_gracefully) retire_what_ends(present.engine);
  const std::size_t sessions = present.engine.resident_count();
  if (sessions > 0) {
    if (ends_gracefully && fork_keeper({present, drain})) return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "%" APR_SIZE_T_FMT
                 " WebSocket sessions are closed with 1001: their child process ends",
                 sessions);
  }
  present.stop(spent_patience());
  return APR_SUCCESS;
}

/// What has been made; else it is tried again for the next session, which may find room.
template <class Make>
auto or_scarcity(Make make) {
  try {
    return make();
  } catch (const std::system_error& error) {
    throw Scarcity(error.code().value());
  }
}

Running& run() {
  const std::lock_guard lock(running_mutex);
  if (running == nullptr) {
    running = or_scarcity([] {
      reserve_for_keeper();
      return new Running(engine_threads, loop_options);
    });
  }
  return *running;
}

/// For what handler modules publish before there is a session.
channels::Exchange* make_exchange() {
  try {
    return &run().exchange;
  } catch (const std::exception& error) {
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf, "cannot publish: %s", error.what());
    return nullptr;
  }
}

void begin_child(apr_pool_t* child_pool, server_rec* server) {
  install_log_sink();
  enter_child();
  handler::runtime().set_exchange_maker(make_exchange);
  if (!child_is_threaded()) watch_signals();
  const ServerConfig& config = server_config(server);
  engine_threads = config.engine_threads.value_or(default_engine_threads());
  blocked_loop_warning = config.blocked_loop_warning.value_or(default_blocked_loop_warning);
  drain = config.drain;
  if (config.read_buffer_bytes) loop_options.receive_buffer_bytes = *config.read_buffer_bytes;
  apr_pool_cleanup_register(child_pool, nullptr, end_engine, apr_pool_cleanup_null);
}

}  // namespace

void register_child_life() {
  ap_hook_child_init(begin_child, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_child_stopping(note_stopping, nullptr, nullptr, APR_HOOK_MIDDLE);
}

engine::Engine& child_engine() { return run().engine; }

engine::Engine& child_engine_for_handlers() {
  engine::Engine& engine = child_engine();
  if (blocked_loop_warning.count() > 0)
    or_scarcity([&engine] { engine.watch_guests(blocked_loop_warning); });
  return engine;
}

channels::Exchange& child_exchange() { return run().exchange; }

void child_has_begun_what_ends() {
  if (is_stopping) send_away_what_ends();
}

engine::EventLoop& child_side_loop() { return *run().mesh_engine.loops().front(); }

}  // namespace mod_ws::httpd
