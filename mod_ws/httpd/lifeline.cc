#include "mod_ws/httpd/lifeline.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <unixd.h>

#include <cerrno>
#include <utility>

namespace mod_ws::httpd {
namespace {

constexpr const char* pipes_name = "mod_ws: lifeline of keepers 1";
/// What the parent waits for its keepers to close their sessions.
constexpr int farewell_ms = 10'000;

/// Each process closes what is not its own. The kernel does the rest, whatever a process dies of.
struct Pipes {
  int keeper_end = -1;  ///< At its end once the parent has closed parent_end.
  int parent_end = -1;
  int parent_reads = -1;  ///< At its end once all keepers have gone.
  int keeper_holds = -1;
};

Pipes* pipes = nullptr;
pid_t parent = 0;

void close_end(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

bool make_pipe(int& read_end, int& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  read_end = ends[0];
  write_end = ends[1];
  return true;
}

/// The server ends, or restarts at once: so do its keepers. The children have gone already.
apr_status_t dismiss_keepers(void*) {
  int state = 0;
  // The MPM's own cleanup has noted by now what kind of restart this is.
  const bool is_over = ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING ||
                       ap_unixd_mpm_get_retained_data()->was_graceful == 0;
  if (::getpid() != parent || !is_over) return APR_SUCCESS;
  close_end(pipes->parent_end);
  close_end(pipes->keeper_holds);
  pollfd all_gone{.fd = pipes->parent_reads, .events = 0, .revents = 0};
  while ((state = ::poll(&all_gone, 1, farewell_ms)) < 0 && errno == EINTR) {
  }
  if (state == 0) {
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "keepers of WebSocket sessions have not ended within %d s", farewell_ms / 1000);
  }
  close_end(pipes->keeper_end);
  close_end(pipes->parent_reads);
  return APR_SUCCESS;
}

/// False, with errno, when there are no descriptors.
bool open_pipes() {
  if (pipes->keeper_end >= 0) return true;
  return make_pipe(pipes->keeper_end, pipes->parent_end) &&
         make_pipe(pipes->parent_reads, pipes->keeper_holds);
}

int make_lifeline(apr_pool_t* config_pool, apr_pool_t*, apr_pool_t*, server_rec* server) {
  pipes = once_in_process<Pipes>(server, pipes_name, [](apr_pool_t* process_pool) {
    return new (apr_palloc(process_pool, sizeof(Pipes))) Pipes;
  });
  if (!open_pipes()) {
    ap_log_error(APLOG_MARK, APLOG_EMERG, errno, server, "no pipes for keepers");
    return HTTP_INTERNAL_SERVER_ERROR;
  }
  parent = ::getpid();
  // Not on the process's pool: our code is unmapped when that one's own cleanups run.
  apr_pool_cleanup_register(config_pool, nullptr, dismiss_keepers, apr_pool_cleanup_null);
  return OK;
}

}  // namespace

void register_lifeline() { ap_hook_post_config(make_lifeline, nullptr, nullptr, APR_HOOK_MIDDLE); }

void enter_child() {
  if (::getpid() == parent) return;  // httpd -X
  close_end(pipes->parent_end);
  close_end(pipes->parent_reads);
}

int lifeline() { return pipes->keeper_end; }

pid_t httpds_parent() { return parent; }

}  // namespace mod_ws::httpd
