#include "mod_ws/transport/transport.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/peer.h"

namespace mod_ws::transport {
namespace {

using tests::Bytes;
using tests::bytes_of;
using Status = IoResult::Status;

struct Connected {
  explicit Connected(int buffer_bytes = 0) : Connected(tests::make_socket_pair(buffer_bytes)) {}
  explicit Connected(tests::SocketPair pair)
      : plain(std::move(pair.ours)), peer(std::move(pair.theirs)) {}
  Transport plain;
  tests::Peer peer;
};

TEST(Plain, ReadsWhatHasCome) {
  Connected connected;
  connected.peer.send(bytes_of("Hello"));
  Bytes buffer(100);
  const IoResult result = connected.plain.read_some(buffer);
  EXPECT_EQ(result.status, Status::moved);
  ASSERT_EQ(result.bytes, 5U);
  EXPECT_EQ(tests::text_of(std::span(buffer).first(5)), "Hello");
  EXPECT_EQ(connected.plain.read_some(buffer).status, Status::would_block);
}

TEST(Plain, TellsTheEndAfterTheData) {
  Connected connected;
  connected.peer.send(bytes_of("x"));
  connected.peer.shutdown_write();
  Bytes buffer(100);
  EXPECT_EQ(connected.plain.read_some(buffer).bytes, 1U);
  EXPECT_EQ(connected.plain.read_some(buffer).status, Status::end);
  EXPECT_EQ(connected.plain.read_some(buffer).status, Status::end);
}

TEST(Plain, WritesBothPartsInOrder) {
  Connected connected;
  const IoResult result = connected.plain.write_some(bytes_of("head"), bytes_of("body"));
  EXPECT_EQ(result.status, Status::moved);
  EXPECT_EQ(result.bytes, 8U);
  EXPECT_EQ(tests::text_of(connected.peer.receive(8)), "headbody");
  EXPECT_EQ(connected.plain.write_some({}, bytes_of("second")).bytes, 6U);
  EXPECT_EQ(connected.plain.write_some(bytes_of("first"), {}).bytes, 5U);
  EXPECT_EQ(tests::text_of(connected.peer.receive(11)), "secondfirst");
}

TEST(Plain, WritesAsMuchAsTheKernelTakes) {
  Connected connected(4096);
  const Bytes much = tests::pattern(1'000'000);
  std::size_t written = 0;
  for (;;) {
    const IoResult result = connected.plain.write_some(std::span(much).subspan(written, 10),
                                                       std::span(much).subspan(written + 10));
    if (result.status == Status::would_block) break;
    ASSERT_EQ(result.status, Status::moved);
    written += result.bytes;
    ASSERT_LT(written + 10, much.size());
  }
  EXPECT_GT(written, 0U);
  EXPECT_EQ(connected.peer.receive(written),
            Bytes(much.begin(), much.begin() + static_cast<std::ptrdiff_t>(written)));
}

TEST(Plain, FailsWithoutASignalWhenThePeerIsGone) {
  Connected connected;
  connected.peer.close();
  const IoResult result = connected.plain.write_some(bytes_of("x"), {});
  EXPECT_EQ(result.status, Status::failed);
  EXPECT_EQ(result.error, EPIPE);
}

TEST(Plain, ShutsItsSideOnly) {
  Connected connected;
  connected.plain.shutdown_write();
  EXPECT_TRUE(connected.peer.receives_end());
  connected.peer.send(bytes_of("still"));
  Bytes buffer(100);
  EXPECT_EQ(connected.plain.read_some(buffer).bytes, 5U);
}

TEST(Plain, ClosesAndMoves) {
  Connected connected;
  Transport moved(std::move(connected.plain));
  EXPECT_GE(moved.fd(), 0);
  moved.close();
  EXPECT_EQ(moved.fd(), -1);
  EXPECT_TRUE(connected.peer.receives_end());
}

}  // namespace
}  // namespace mod_ws::transport
