#pragma once

#include <memory>
#include <string_view>

#include "mod_ws/base/session_ledger.h"
#include "mod_ws/connection/session_record.h"
#include "mod_ws/httpd/httpd_proxy.h"
#include "mod_ws/httpd/session_log.h"
#include "mod_ws/httpd/session_row.h"

namespace mod_ws::httpd {

/// A session as httpd's side of mod_ws sees it: the places that it holds, its line in the log, and
/// for a relay, what mod_proxy_balancer counts of its worker. What nobody has asked for is not
/// there.
class HttpdSessionRecord final : public connection::SessionRecord {
 public:
  ~HttpdSessionRecord() override;

  void on_ended(const connection::SessionEnd& end, std::chrono::milliseconds age) override;

  /// Null when there is no status page.
  std::shared_ptr<const SessionFacts> facts() const { return facts_; }

 private:
  friend class RecordMaker;
  struct LogLine {
    const SessionLog& log;
    std::string begun;
  };

  base::SessionLedger::Place place_;
  base::SessionLedger::Place busy_;  // one of the worker's busy requests
  proxy_worker_shared* worker_ = nullptr;
  std::shared_ptr<const SessionFacts> facts_;
  std::unique_ptr<LogLine> log_line_;
};

/// The record of a session that this request begins, with the place that it has taken. Null when
/// nobody asks for one.
std::unique_ptr<connection::SessionRecord> make_session_record(request_rec* r,
                                                               std::string_view subprotocol);

/// The record of a relay's session: as above, and where the worker is a balancer's member, the
/// session counts as one of its busy requests; at its end its bytes are the worker's.
std::unique_ptr<connection::SessionRecord> make_relay_record(request_rec* r,
                                                             std::string_view subprotocol,
                                                             proxy_worker* worker);

}  // namespace mod_ws::httpd
