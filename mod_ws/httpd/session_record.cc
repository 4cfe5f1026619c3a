#include "mod_ws/httpd/session_record.h"

#include <atomic>

#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/bridge.h"
#include "mod_ws/httpd/ledger.h"
#include "mod_ws/httpd/log.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/series.h"
#include "mod_ws/httpd/status_handler.h"

namespace mod_ws::httpd {
namespace {

using base::SessionLedger;

void add(apr_off_t& sum, std::uint64_t bytes) {
  std::atomic_ref(sum).fetch_add(static_cast<apr_off_t>(bytes), std::memory_order_relaxed);
}

std::shared_ptr<const SessionFacts> facts_of(request_rec* r, std::string_view subprotocol) {
  return std::make_shared<const SessionFacts>(
      SessionFacts{.id = board().new_session_id(),
                   .labels = labels_of(r),
                   .client = client_address(r),
                   .user = std::string(view_of(r->user)),
                   .uri = std::string(view_of(r->uri)),
                   .subprotocol = std::string(subprotocol)});
}

}  // namespace

/// Fills a record.
class RecordMaker {
 public:
  RecordMaker(request_rec* r, std::string_view subprotocol) {
    record_->place_ = std::move(request_state(r).place);
    // A status page is to show what the next generation knows.
    record_->ends_with_child = is_bridged(r) || is_for_status(r);
    is_wanted_ = record_->ends_with_child || record_->place_;
    if (has_status_page()) {
      record_->facts_ = facts_of(r, subprotocol);
      is_wanted_ = true;
    }
    if (const SessionLog* const log = session_log_of(r->server)) {
      record_->log_line_ =
          std::make_unique<HttpdSessionRecord::LogLine>(HttpdSessionRecord::LogLine{
              *log, log->format.begin({r, labels_of(r).backend, subprotocol})});
      is_wanted_ = true;
    }
  }

  /// Of a balancer's member: only their numbers are shared by the children and shown. A worker
  /// lives as long as the child.
  void count_at(proxy_worker_shared& worker) {
    record_->worker_ = &worker;
    is_wanted_ = true;
    const SessionLedger::Share share = busy_share(worker.busy);
    record_->busy_ = session_ledger().take({&share, 1}).place;
    if (record_->busy_) std::atomic_ref(worker.busy).fetch_add(1, std::memory_order_relaxed);
  }

  std::unique_ptr<connection::SessionRecord> take() {
    return is_wanted_ ? std::move(record_) : nullptr;
  }

 private:
  std::unique_ptr<HttpdSessionRecord> record_ = std::make_unique<HttpdSessionRecord>();
  bool is_wanted_ = false;
};

HttpdSessionRecord::~HttpdSessionRecord() {
  if (busy_) lower(worker_->busy);
}

void HttpdSessionRecord::on_ended(const connection::SessionEnd& end,
                                  std::chrono::milliseconds age) {
  if (worker_ != nullptr) {
    add(worker_->transferred, client.received_bytes);
    add(worker_->read, backend.received_bytes);
  }
  if (log_line_ == nullptr) return;
  write_line(log_line_->log,
             log_line_->log.format.finish(log_line_->begun, {end, client, backend, age}));
}

std::unique_ptr<connection::SessionRecord> make_session_record(request_rec* r,
                                                               std::string_view subprotocol) {
  return RecordMaker(r, subprotocol).take();
}

std::unique_ptr<connection::SessionRecord> make_relay_record(request_rec* r,
                                                             std::string_view subprotocol,
                                                             proxy_worker* worker) {
  RecordMaker maker(r, subprotocol);
  if (worker->balancer != nullptr) maker.count_at(*worker->s);
  return maker.take();
}

}  // namespace mod_ws::httpd
