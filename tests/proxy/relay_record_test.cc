// What a relay tells the one who counts its session.

#include <gtest/gtest.h>

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
    std::uint64_t client_bytes = 0;
    std::uint64_t backend_bytes = 0;
    bool ended = false;
  };
  explicit Record(Told& told) : told_(told) {}
  ~Record() override { told_.ended = true; }
  void note_received(std::uint64_t client_bytes, std::uint64_t backend_bytes) override {
    told_.client_bytes += client_bytes;
    told_.backend_bytes += backend_bytes;
  }

 private:
  Told& told_;
};

TEST(RelayRecord, TellsItsRecordWhatEachSideSent) {
  Record::Told told;
  const Bytes up = frame(from_client, "Hello") + close_frame(Role::client, 1000);
  {
    RelayOnLoop relay({.record = std::make_unique<Record>(told)});
    relay.client.send(up);
    EXPECT_EQ(relay.backend.receive(up.size()), up);
    relay.backend.send(frame(from_backend, "longer than Hello"));
    EXPECT_EQ(relay.client.receive(19).size(), 19U);
    relay.turn();
    EXPECT_FALSE(told.ended);
  }
  EXPECT_TRUE(told.ended);
  EXPECT_EQ(told.client_bytes, up.size());
  EXPECT_EQ(told.backend_bytes, 19U);
}

}  // namespace
}  // namespace mod_ws::proxy
