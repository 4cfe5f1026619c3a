// What a relay tells the one who counts its session.

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using protocol::Role;
using tests::Bytes;
using tests::close_frame;
using tests::frame;
using tests::RelayOnLoop;
using tests::operator+;

constexpr tests::FrameStart from_client{};
constexpr tests::FrameStart from_backend{.sender = Role::server};

/// Keeps what it is told, and that it was destroyed.
class Record final : public connection::SessionRecord {
 public:
  struct Told {
    connection::Traffic client;
    connection::Traffic backend;
    connection::SessionEnd end;
    int ends = 0;
    bool is_destroyed = false;
  };
  explicit Record(Told& told) : told_(told) {}
  ~Record() override { told_.is_destroyed = true; }
  void on_ended(const connection::SessionEnd& end, std::chrono::milliseconds) override {
    told_.client = client;
    told_.backend = backend;
    told_.end.note(end.ender(), end.code(), end.cause());
    ++told_.ends;
  }

 private:
  Told& told_;
};

/// What is told of a session in which `act` happens.
Record::Told told_of(const std::function<void(RelayOnLoop&)>& act, connection::Policy policy = {}) {
  Record::Told told;
  {
    RelayOnLoop relay({.policy = std::move(policy), .record = std::make_unique<Record>(told)});
    act(relay);
    relay.turn();
  }
  EXPECT_TRUE(told.is_destroyed);
  EXPECT_EQ(told.ends, 1);
  return told;
}

TEST(RelayRecord, TellsItsRecordWhatEachSideSent) {
  const Bytes up = frame(from_client, "Hello") + close_frame(Role::client, 1000);
  const auto told = told_of([&](RelayOnLoop& relay) {
    relay.client.send(up);
    EXPECT_EQ(relay.backend.receive(up.size()), up);
    relay.backend.send(frame(from_backend, "longer than Hello"));
    relay.backend.send(close_frame(Role::server, 1000));
    EXPECT_EQ(relay.client.receive(23).size(), 23U);
  });
  EXPECT_EQ(told.client.received_bytes, up.size());
  EXPECT_EQ(told.client.received_messages, 1U);
  EXPECT_EQ(told.backend.sent_bytes, up.size());
  EXPECT_EQ(told.backend.sent_messages, 1U);
  EXPECT_EQ(told.backend.received_bytes, 23U);
  EXPECT_EQ(told.client.sent_bytes, 23U);
  EXPECT_EQ(told.client.sent_messages, 1U);
}

struct Case {
  const char* what;
  std::function<void(RelayOnLoop&)> act;
  metrics::Ender ender;
  int code;
  const char* cause;
};

TEST(RelayRecord, TellsWhoHasEndedTheSessionAndWhy) {
  using metrics::Ender;
  const std::vector<Case> cases{
      {"the client closes and the backend answers",
       [](RelayOnLoop& relay) {
         relay.client.send(close_frame(Role::client, 1000));
         relay.backend.receive(8);
         relay.backend.send(close_frame(Role::server, 1001));
         relay.client.receive(4);
       },
       Ender::client, 1000, "closed by the client"},
      {"the backend closes",
       [](RelayOnLoop& relay) {
         relay.backend.send(close_frame(Role::server, 4321));
         relay.client.receive(4);
       },
       Ender::backend, 4321, "closed by the backend ws://backend"},
      {"the client is lost", [](RelayOnLoop& relay) { relay.client.close(); }, Ender::client, 1006,
       "the client was lost: the peer left without a Close frame"},
      {"the backend is lost", [](RelayOnLoop& relay) { relay.backend.close(); }, Ender::backend,
       1006, "the backend ws://backend was lost: the peer left without a Close frame"},
      {"the client breaks the protocol",
       [](RelayOnLoop& relay) { relay.client.send(frame(from_backend, "unmasked")); },
       Ender::server, 1002, "the client broke the protocol: unmasked frame from a client"},
      {"the loop ends", [](RelayOnLoop&) {}, Ender::server, 1001, "the server process ends"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    const auto told = told_of(each.act);
    EXPECT_EQ(told.end.ender(), each.ender);
    EXPECT_EQ(static_cast<int>(told.end.code()), each.code);
    EXPECT_EQ(told.end.cause(), each.cause);
  }
}

}  // namespace
}  // namespace mod_ws::proxy
