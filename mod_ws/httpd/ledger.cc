#include "mod_ws/httpd/ledger.h"

#include <atomic>
#include <cerrno>
#include <string>

#include "mod_ws/httpd/gone_processes.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint32_t max_entries = 1 << 20;
// The number changes with the ledger's layout: after an upgrade and a graceful restart, old
// children still use the old one.
constexpr const char* ledger_name = "mod_ws: session ledger 1";
constexpr const char* generation_name = "mod_ws: generation of mod_proxy's counters";

base::SessionLedger* ledger = nullptr;
std::uint64_t generation = 0;

std::uint64_t busy_key() {
  return ledger->hash("busy workers of generation " + std::to_string(generation));
}

std::uint64_t next_generation(server_rec* server) {
  return ++*once_in_process<std::uint64_t>(server, generation_name, [](apr_pool_t* pool) {
    return new (apr_palloc(pool, sizeof(std::uint64_t))) std::uint64_t(0);
  });
}

/// One ledger for the process's life: sessions of the last generation live on while the next one
/// starts.
int share_ledger(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* server) {
  ledger = once_in_process<base::SessionLedger>(server, ledger_name, [](apr_pool_t*) {
    return base::SessionLedger::create(max_entries).release();
  });
  if (ledger == nullptr) {
    ap_log_error(APLOG_MARK, APLOG_EMERG, errno, server,
                 "no shared memory for the count of sessions");
    return HTTP_INTERNAL_SERVER_ERROR;
  }
  generation = next_generation(server);
  return OK;
}

void give_back(const IsGone& is_gone) {
  std::size_t count = 0;
  const std::uint64_t busy = busy_key();
  ledger->give_back_if(is_gone, [&](std::uint64_t key, void* note) {
    ++count;
    if (key == busy) lower(*static_cast<apr_size_t*>(note));
  });
  if (count == 0) return;
  ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
               "gave back what lost sessions held: %" APR_SIZE_T_FMT " entries", count);
}

}  // namespace

void register_ledger() {
  // Before others of mod_ws that need it.
  ap_hook_post_config(share_ledger, nullptr, nullptr, APR_HOOK_FIRST);
  on_gone_processes(give_back);
}

base::SessionLedger& session_ledger() { return *ledger; }

base::SessionLedger::Share busy_share(apr_size_t& busy) {
  return {.key = busy_key(), .note = &busy};
}

void lower(apr_size_t& busy) {
  const std::atomic_ref<apr_size_t> counter(busy);
  apr_size_t now = counter.load();
  while (now > 0 && !counter.compare_exchange_weak(now, now - 1)) {
  }
}

}  // namespace mod_ws::httpd
