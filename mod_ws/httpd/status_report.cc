#include "mod_ws/httpd/status_report.h"

#include <nlohmann/json.hpp>

#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/session_table.h"
#include "mod_ws/metrics/json_report.h"

namespace mod_ws::httpd {

std::string status_report(const Viewer& viewer) {
  using Json = nlohmann::json;
  const metrics::Report report = board().report();
  Json json = metrics::json_report(report);
  std::uint64_t total = 0;
  for (const auto& series : report.series) total += series.sessions();
  json["sessions_total"] = total;
  json["viewer"] = viewer.user;
  json["may_close"] = !viewer.user.empty();
  json["sessions"] = sessions_as_json(child_exchange(), viewer.limit);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mod_ws::httpd
