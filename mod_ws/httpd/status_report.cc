#include "mod_ws/httpd/status_report.h"

#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/session_table.h"
#include "mod_ws/metrics/json_report.h"

namespace mod_ws::httpd {
namespace {

using Json = nlohmann::json;

Json json_of(const SessionRow& row) {
  const SessionFacts& facts = *row.facts;
  return {{"id", std::to_string(facts.id)},
          {"client", facts.client},
          {"user", facts.user},
          {"server", facts.labels.server},
          {"location", facts.labels.location},
          {"backend", facts.labels.backend},
          {"uri", facts.uri},
          {"subprotocol", facts.subprotocol},
          {"age_seconds", std::chrono::duration<double>(row.age).count()},
          {"messages_in", row.client.received_messages},
          {"messages_out", row.client.sent_messages},
          {"bytes_in", row.client.received_bytes},
          {"bytes_out", row.client.sent_bytes},
          {"pid", row.process}};
}

Json report_of(const SessionQuery& query) {
  const metrics::Report report = board().report();
  Json json = metrics::json_report(report);
  std::uint64_t total = 0;
  for (const auto& series : report.series) total += series.sessions();
  json["sessions_total"] = total;
  Json sessions = Json::array();
  for (const auto& row : list_sessions(child_exchange(), query)) sessions.push_back(json_of(row));
  json["sessions"] = std::move(sessions);
  return json;
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// However many pages are open, what they ask at one time is found out once.
class RecentReports {
 public:
  /// A JSON object.
  std::string get(const SessionQuery& query) {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    std::erase_if(reports_, [&](const auto& known) { return now - known.second.made > life; });
    auto& known = reports_[query];
    if (known.text.empty()) known = {text_of(report_of(query)), Clock::now()};
    return known.text;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds life{500};
  struct Made {
    std::string text;
    Clock::time_point made;
  };

  std::mutex mutex_;
  std::map<SessionQuery, Made> reports_;
};

}  // namespace

std::string status_report(const SessionQuery& query, const std::string& user) {
  static RecentReports recent;
  std::string text = recent.get(query);
  const Json viewer{{"viewer", user}, {"may_close", !user.empty()}};
  // One object of the two.
  text.back() = ',';
  return text += text_of(viewer).substr(1);
}

}  // namespace mod_ws::httpd
