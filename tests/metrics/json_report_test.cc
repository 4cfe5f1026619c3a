#include "mod_ws/metrics/json_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mod_ws::metrics {
namespace {

TEST(JsonReport, NamesWhatHasHappenedAndNothingElse) {
  SeriesReport series{.labels = {"localhost", "/chat", "handler:chat"}};
  series.sums.begun = 3;
  series.sums.client.sent_messages = 4;
  series.sums.closes[static_cast<std::size_t>(Ender::client)][place_of_close(4000)] = 2;
  series.upgrades.results[place_of_result(101)] = 3;
  series.sums.duration_ms = 1'500;
  const auto json = json_report({.series = {series}, .processes = {}, .begun = {}});
  const auto& told = json.at("series").at(0);
  EXPECT_EQ(told.at("location"), "/chat");
  EXPECT_EQ(told.at("sessions"), 3);
  EXPECT_EQ(told.at("client").at("sent_messages"), 4);
  EXPECT_EQ(told.at("closes").at("client"), nlohmann::json({{"4xxx", 2}}));
  EXPECT_EQ(told.at("closes").at("server"), nlohmann::json::object());
  EXPECT_EQ(told.at("upgrades"), nlohmann::json({{"101", 3}}));
  EXPECT_EQ(told.at("duration_seconds"), 1.5);
}

TEST(JsonReport, TellsOfProcesses) {
  const ProcessReport keeper{
      .pid = 17, .is_keeper = true, .begun = {}, .sessions = 2, .memory_bytes = 4'096};
  const auto json = json_report({.series = {}, .processes = {keeper}, .begun = {}});
  const auto& told = json.at("processes").at(0);
  EXPECT_EQ(told.at("pid"), 17);
  EXPECT_EQ(told.at("role"), "keeper");
  EXPECT_EQ(told.at("sessions"), 2);
  EXPECT_EQ(told.at("memory_bytes"), 4'096);
}

}  // namespace
}  // namespace mod_ws::metrics
