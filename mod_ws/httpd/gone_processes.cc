#include "mod_ws/httpd/gone_processes.h"

#include <mpm_common.h>
#include <signal.h>

#include <cerrno>
#include <vector>

namespace mod_ws::httpd {
namespace {

std::vector<void (*)(const IsGone&)> clear_ups;

void clear_up(const IsGone& is_gone) {
  for (auto* const each : clear_ups) each(is_gone);
}

void watch_child(server_rec*, pid_t pid, ap_generation_t, int, mpm_child_status state) {
  if (state == MPM_CHILD_EXITED) clear_up([pid](pid_t owner) { return owner == pid; });
}

int look_for_gone(apr_pool_t*, server_rec*) {
  clear_up([](pid_t owner) { return ::kill(owner, 0) != 0 && errno == ESRCH; });
  return DECLINED;
}

}  // namespace

void on_gone_processes(void (*clear_up)(const IsGone& is_gone)) { clear_ups.push_back(clear_up); }

void register_gone_processes() {
  clear_ups.clear();  // the module may stay loaded when httpd reads its configuration again
  ap_hook_child_status(watch_child, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_monitor(look_for_gone, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace mod_ws::httpd
