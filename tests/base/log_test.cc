#include "mod_ws/base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mod_ws::base {
namespace {

struct Line {
  const void* server;
  LogLevel level;
  std::string text;
};
std::vector<Line> lines;

bool info_and_worse(const void*, LogLevel level) { return level <= LogLevel::info; }
void keep(const void* server, LogLevel level, std::string_view line) {
  lines.push_back({server, level, std::string(line)});
}

TEST(Log, WritesWhoseLineItIs) {
  lines.clear();
  set_log_sink({info_and_worse, keep});
  const int server = 0;
  log({&server, "192.0.2.7:51522", "/chat"}, LogLevel::warning, "was lost");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].server, &server);
  EXPECT_EQ(lines[0].level, LogLevel::warning);
  EXPECT_EQ(lines[0].text, "client 192.0.2.7:51522 /chat: was lost");
}

TEST(Log, NamesNoClientWhereThereIsNone) {
  lines.clear();
  set_log_sink({info_and_worse, keep});
  log({nullptr, {}, "wss://example.org/"}, LogLevel::info, "was lost");
  log({}, LogLevel::info, "all is lost");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].text, "wss://example.org/: was lost");
  EXPECT_EQ(lines[1].text, "all is lost");
}

TEST(Log, LeavesOutTheQuery) {
  lines.clear();
  set_log_sink({info_and_worse, keep});
  log({nullptr, "192.0.2.7:51522", "/chat?token=secret?more"}, LogLevel::info, "was lost");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].text, "client 192.0.2.7:51522 /chat: was lost");
}

TEST(Log, LeavesOutWhatTheSinkDoesNotWant) {
  lines.clear();
  set_log_sink({info_and_worse, keep});
  EXPECT_TRUE(log_is_enabled(nullptr, LogLevel::error));
  EXPECT_TRUE(log_is_enabled(nullptr, LogLevel::info));
  EXPECT_FALSE(log_is_enabled(nullptr, LogLevel::debug));
  log({nullptr, "c", "/"}, LogLevel::debug, "x");
  log({nullptr, "c", "/"}, LogLevel::trace, "x");
  EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace mod_ws::base
