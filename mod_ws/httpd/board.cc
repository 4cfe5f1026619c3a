#include "mod_ws/httpd/board.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "mod_ws/httpd/gone_processes.h"

namespace mod_ws::httpd {
namespace {

// The number changes with the board's layout: after an upgrade and a graceful restart, old children
// still use the old one.
constexpr const char* board_name = "mod_ws: board 1";

metrics::Board* shared_board = nullptr;

int share_board(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* server) {
  shared_board = once_in_process<metrics::Board>(
      server, board_name, [](apr_pool_t*) { return metrics::Board::create().release(); });
  if (shared_board != nullptr) return OK;
  ap_log_error(APLOG_MARK, APLOG_EMERG, errno, server, "no shared memory for counters");
  return HTTP_INTERNAL_SERVER_ERROR;
}

void enter_child(apr_pool_t*, server_rec*) { shared_board->add_process(::getpid()); }

/// httpd says nothing of a child that was killed, and does not know keepers.
void fold(const IsGone& is_gone) {
  for (const auto& [pid, was_keeper, sessions] : shared_board->fold_if(is_gone)) {
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "%s %" APR_PID_T_FMT " was killed or crashed, and %" APR_UINT64_T_FMT
                 " WebSocket sessions with it",
                 was_keeper ? "keeper" : "child", pid, static_cast<apr_uint64_t>(sessions));
  }
}

}  // namespace

void register_board() {
  ap_hook_post_config(share_board, nullptr, nullptr, APR_HOOK_FIRST);
  ap_hook_child_init(enter_child, nullptr, nullptr, APR_HOOK_FIRST);
  on_gone_processes(fold);
}

metrics::Board& board() { return *shared_board; }

metrics::Tally& tally_of(const engine::EventLoop& loop, metrics::Board::SeriesNumber series) {
  using Key = std::pair<const engine::EventLoop*, metrics::Board::SeriesNumber>;
  static std::mutex mutex;
  static std::map<Key, metrics::Tally*> tallies;
  const std::lock_guard lock(mutex);
  const auto known = tallies.find({&loop, series});
  if (known != tallies.end()) return *known->second;
  metrics::Tally& fresh = board().new_tally(series);
  // Where there was none, there may be one for the next session.
  if (&fresh != &metrics::uncounted()) tallies.emplace(Key(&loop, series), &fresh);
  return fresh;
}

}  // namespace mod_ws::httpd
