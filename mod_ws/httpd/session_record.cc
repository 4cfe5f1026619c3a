#include "mod_ws/httpd/session_record.h"

#include <atomic>

#include "mod_ws/httpd/ledger.h"
#include "mod_ws/httpd/request_state.h"

namespace mod_ws::httpd {
namespace {

using base::SessionLedger;

class HandlerRecord final : public connection::SessionRecord {
 public:
  explicit HandlerRecord(SessionLedger::Place place) : place_(std::move(place)) {}

  void note_received(std::uint64_t, std::uint64_t) override {}

 private:
  SessionLedger::Place place_;
};

void add(apr_off_t& sum, std::uint64_t bytes) {
  std::atomic_ref(sum).fetch_add(static_cast<apr_off_t>(bytes), std::memory_order_relaxed);
}

/// Only mod_proxy_balancer counts busy requests, and only its workers' numbers are shared by the
/// children and shown. A worker lives as long as the child.
class RelayRecord final : public connection::SessionRecord {
 public:
  RelayRecord(SessionLedger::Place place, proxy_worker_shared& worker, bool is_balanced)
      : place_(std::move(place)), worker_(worker) {
    if (!is_balanced) return;
    const SessionLedger::Share share = busy_share(worker.busy);
    busy_ = session_ledger().take({&share, 1}).place;
    if (busy_) std::atomic_ref(worker.busy).fetch_add(1, std::memory_order_relaxed);
  }
  ~RelayRecord() override {
    if (busy_) lower(worker_.busy);
  }

  void note_received(std::uint64_t client_bytes, std::uint64_t backend_bytes) override {
    add(worker_.transferred, client_bytes);
    add(worker_.read, backend_bytes);
  }

 private:
  SessionLedger::Place place_;
  SessionLedger::Place busy_;
  proxy_worker_shared& worker_;
};

}  // namespace

std::unique_ptr<connection::SessionRecord> make_session_record(request_rec* r) {
  auto& place = request_state(r).place;
  if (!place) return nullptr;
  return std::make_unique<HandlerRecord>(std::move(place));
}

std::unique_ptr<connection::SessionRecord> make_relay_record(request_rec* r, proxy_worker* worker) {
  return std::make_unique<RelayRecord>(std::move(request_state(r).place), *worker->s,
                                       worker->balancer != nullptr);
}

}  // namespace mod_ws::httpd
