#include "mod_ws/connection/session_record.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/recording_session.h"

namespace mod_ws::connection {
namespace {

using tests::RecordingSession;
using tests::SessionOnLoop;

class NamedRecord final : public SessionRecord {
 public:
  NamedRecord(std::string given, int& ends) : name(std::move(given)), ends_(ends) {}
  void on_ended(const SessionEnd&, std::chrono::milliseconds) override { ++ends_; }

  const std::string name;

 private:
  int& ends_;
};

std::vector<std::string> names_on(engine::EventLoop& loop, std::size_t limit) {
  std::vector<std::string> names;
  loop.local<OpenSessions>().for_each([&](const OpenSessions::Open& open) {
    names.push_back(static_cast<NamedRecord&>(open.record).name);
    return names.size() < limit;
  });
  return names;
}

TEST(OpenSessions, ListThoseThatAreThereTheYoungestFirst) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    int ends = 0;
    auto& loop = it.connection.loop();
    auto first = std::make_unique<NamedRecord>("first", ends);
    NamedRecord second("second", ends);
    begin_session(first.get(), it, it.connection);
    begin_session(&second, it, it.connection);
    EXPECT_EQ(names_on(loop, 9), (std::vector<std::string>{"second", "first"}));
    EXPECT_EQ(names_on(loop, 1), std::vector<std::string>{"second"});
    first.reset();
    EXPECT_EQ(names_on(loop, 9), std::vector<std::string>{"second"});
  });
}

TEST(SessionEnd, IsCountedForSessionsThatHaveBegun) {
  SessionOnLoop session;
  session.with([](RecordingSession& it) {
    int ends = 0;
    NamedRecord record("it", ends);
    begin_session(&record, it, it.connection);
    SessionEnd end;
    end.note(metrics::Ender::client, ws::CloseCode::normal_closure, "first");
    end.note(metrics::Ender::server, ws::CloseCode::internal_error, "second");
    end_session(&record, it.connection, end);
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(end.cause(), "first");
    EXPECT_EQ(it.tally.begun.value(), 1U);
    EXPECT_EQ(it.tally.ended.value(), 1U);
    EXPECT_EQ(it.tally.closes[0][metrics::place_of_close(1000)].value(), 1U);
  });
}

TEST(SessionEnd, IsNotCountedForASessionThatHasNeverBegun) {
  engine::EventLoop loop{engine::LoopOptions{}};
  auto sockets = tests::make_socket_pair(0);
  RecordingSession never(loop, transport::Transport(std::move(sockets.ours)), {}, {}, {},
                         Framing::frames);
  end_session(nullptr, never.connection, {});
  EXPECT_EQ(never.tally.ended.value(), 0U);
}

}  // namespace
}  // namespace mod_ws::connection
