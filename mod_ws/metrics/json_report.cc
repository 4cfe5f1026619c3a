#include "mod_ws/metrics/json_report.h"

#include <nlohmann/json.hpp>
#include <numeric>

namespace mod_ws::metrics {
namespace {

using Json = nlohmann::json;

double seconds_since_epoch(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

Json json_of(const Sums::Peer& peer) {
  return {{"received_bytes", peer.received_bytes}, {"received_messages", peer.received_messages},
          {"received_pings", peer.received_pings}, {"sent_bytes", peer.sent_bytes},
          {"sent_messages", peer.sent_messages},   {"sent_pings", peer.sent_pings},
          {"queued_bytes", peer.queued_bytes}};
}

Json json_of(const Sums::Compression& bytes) {
  return {{"plain_bytes", bytes.plain_bytes}, {"compressed_bytes", bytes.compressed_bytes}};
}

/// Those that are not 0, by their names.
template <std::size_t Size>
Json json_of(const std::array<std::uint64_t, Size>& counts, const char* (*name_of)(std::size_t)) {
  Json named = Json::object();
  for (std::size_t place = 0; place < Size; ++place) {
    if (counts[place] > 0) named[name_of(place)] = counts[place];
  }
  return named;
}

Json closes_of(const Sums& sums) {
  Json closes;
  for (std::size_t side = 0; side < sums.closes.size(); ++side)
    closes[name_of(static_cast<Ender>(side))] = json_of(sums.closes[side], name_of_close);
  return closes;
}

Json json_of(const SeriesReport& series) {
  const Sums& sums = series.sums;
  return {
      {"server", series.labels.server},
      {"location", series.labels.location},
      {"backend", series.labels.backend},
      {"sessions", series.sessions()},
      {"begun", sums.begun},
      {"ended", sums.ended},
      {"client", json_of(sums.client)},
      {"backend_side", json_of(sums.backend)},
      {"dropped_messages", sums.dropped_messages},
      {"deflated", json_of(sums.deflated)},
      {"inflated", json_of(sums.inflated)},
      {"closes", closes_of(sums)},
      {"upgrades", json_of(series.upgrades.results, name_of_result)},
      {"upgrade_seconds", static_cast<double>(series.upgrades.duration_us) / 1e6},
      {"timed", std::accumulate(sums.durations.begin(), sums.durations.end(), std::uint64_t{0})},
      {"duration_seconds", static_cast<double>(sums.duration_ms) / 1e3}};
}

Json json_of(const ProcessReport& process) {
  return {{"pid", process.pid},
          {"role", process.role()},
          {"started", seconds_since_epoch(process.begun)},
          {"sessions", process.sessions},
          {"memory_bytes", process.memory_bytes}};
}

}  // namespace

Json json_report(const Report& report) {
  Json series = Json::array();
  for (const auto& each : report.series) series.push_back(json_of(each));
  Json processes = Json::array();
  for (const auto& each : report.processes) processes.push_back(json_of(each));
  return {{"now", seconds_since_epoch(std::chrono::system_clock::now())},
          {"started", seconds_since_epoch(report.begun)},
          {"series", std::move(series)},
          {"processes", std::move(processes)}};
}

}  // namespace mod_ws::metrics
