#include "mod_ws/metrics/prometheus.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <vector>

namespace mod_ws::metrics {
namespace {

/// A series in which everything has happened.
Report report_of(const Labels& labels) {
  SeriesReport series{.labels = labels};
  series.sums.begun = 5;
  series.sums.ended = 2;
  series.sums.client.received_messages = 7;
  series.sums.client.queued_bytes = 8;
  series.sums.backend.sent_bytes = 9;
  series.sums.deflated = {.plain_bytes = 200, .compressed_bytes = 50};
  series.sums.closes[static_cast<std::size_t>(Ender::server)][place_of_close(1001)] = 2;
  series.sums.durations = {1, 0, 1};
  series.sums.duration_ms = 61'500;
  series.upgrades.results[place_of_result(503)] = 4;
  series.upgrades.durations = {3, 1};
  series.upgrades.duration_us = 5'000;
  return {
      .series = {series}, .processes = {{.pid = 17, .is_keeper = true, .begun = {}}}, .begun = {}};
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

const Labels chat{.server = "localhost", .location = "/chat", .backend = "ws://127.0.0.1:9000"};
const std::string labels = R"(server="localhost",location="/chat",backend="ws://127.0.0.1:9000")";

TEST(Prometheus, HasAllThatIsCounted) {
  const std::string text = prometheus_text(report_of(chat));
  for (const std::string& line : std::vector<std::string>{
           "mod_ws_sessions{" + labels + "} 3",
           "mod_ws_sessions_total{" + labels + "} 5",
           "mod_ws_upgrades_total{" + labels + R"(,result="503"} 4)",
           "mod_ws_closes_total{" + labels + R"(,code="1001",side="server"} 2)",
           "mod_ws_messages_total{" + labels + R"(,peer="client",direction="received"} 7)",
           "mod_ws_bytes_total{" + labels + R"(,peer="backend",direction="sent"} 9)",
           "mod_ws_queue_bytes{" + labels + R"(,peer="client"} 8)",
           "mod_ws_compression_ratio{" + labels + R"(,direction="sent"} 0.25)",
           R"(mod_ws_process_sessions{pid="17",role="keeper"} 0)",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\nis missing in\n" << text;
  }
}

TEST(Prometheus, SumsUpTheBucketsOfAHistogram) {
  const std::string text = prometheus_text(report_of(chat));
  const std::string name = "mod_ws_session_duration_seconds";
  EXPECT_TRUE(has_line(text, name + "_bucket{" + labels + R"(,le="1"} 1)"));
  EXPECT_TRUE(has_line(text, name + "_bucket{" + labels + R"(,le="10"} 1)"));
  EXPECT_TRUE(has_line(text, name + "_bucket{" + labels + R"(,le="60"} 2)"));
  EXPECT_TRUE(has_line(text, name + "_bucket{" + labels + R"(,le="+Inf"} 2)"));
  EXPECT_TRUE(has_line(text, name + "_sum{" + labels + "} 61.5"));
  EXPECT_TRUE(has_line(text, name + "_count{" + labels + "} 2"));
  EXPECT_TRUE(
      has_line(text, "mod_ws_upgrade_duration_seconds_bucket{" + labels + R"(,le="0.005"} 4)"));
}

TEST(Prometheus, EscapesLabels) {
  const std::string text =
      prometheus_text(report_of({.server = "a\"b", .location = "c\\d\ne", .backend = {}}));
  EXPECT_TRUE(has_line(text, R"(mod_ws_sessions{server="a\"b",location="c\\d\ne",backend=""} 3)"));
}

TEST(Prometheus, KeepsToTheFormat) {
  std::istringstream text(prometheus_text(report_of(chat)));
  const std::regex sample(R"re([a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)*\})? [0-9.e+-]+)re");
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(names.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
    } else if (!line.starts_with("# HELP ")) {
      EXPECT_TRUE(std::regex_match(line, sample)) << line;
    }
  }
}

}  // namespace
}  // namespace mod_ws::metrics
