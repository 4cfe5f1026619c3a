#include "mod_ws/transport/transport.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>

#include "tests/support/peer.h"
#include "tests/support/tls_pair.h"

namespace mod_ws::transport {
namespace {

using tests::Bytes;
using tests::bytes_of;
using Connected = tests::TlsPair;
using Status = IoResult::Status;

/// Reads until `size` bytes have come or nothing does.
Bytes read_all(Transport& tls, std::size_t size) {
  Bytes all(size);
  std::size_t have = 0;
  while (have < size) {
    const IoResult result = tls.read_some(std::span(all).subspan(have));
    if (result.status != Status::moved) break;
    have += result.bytes;
  }
  all.resize(have);
  return all;
}

const std::vector<int> versions{TLS1_2_VERSION, TLS1_3_VERSION};

TEST(Tls, CarriesDataBothWays) {
  for (const int version : versions) {
    Connected connected(version);
    const IoResult written = connected.client->write_some(bytes_of("head"), bytes_of("body"));
    EXPECT_EQ(written.status, Status::moved);
    EXPECT_EQ(written.bytes, 8U);
    EXPECT_EQ(tests::text_of(read_all(*connected.server, 8)), "headbody");
    EXPECT_EQ(connected.server->write_some({}, bytes_of("answer")).bytes, 6U);
    EXPECT_EQ(tests::text_of(read_all(*connected.client, 6)), "answer");
  }
}

TEST(Tls, WouldBlockWhileNothingComes) {
  for (const int version : versions) {
    Connected connected(version);
    Bytes buffer(100);
    EXPECT_EQ(connected.server->read_some(buffer).status, Status::would_block);
    EXPECT_EQ(connected.client->read_some(buffer).status, Status::would_block);
  }
}

TEST(Tls, ReadsManyRecordsAtOnce) {
  for (const int version : versions) {
    Connected connected(version);
    Bytes sent;
    for (int i = 0; i < 50; ++i) {
      const Bytes record = tests::pattern(static_cast<std::size_t>(i));
      ASSERT_EQ(connected.client->write_some(record, {}).bytes, record.size());
      sent.insert(sent.end(), record.begin(), record.end());
    }
    Bytes buffer(10'000);
    const IoResult result = connected.server->read_some(buffer);
    EXPECT_EQ(result.status, Status::moved);
    buffer.resize(result.bytes);
    EXPECT_EQ(buffer, sent);
  }
}

TEST(Tls, HoldsWhatTheBufferHasNoRoomFor) {
  Connected connected;
  const Bytes sent = tests::pattern(10'000);
  ASSERT_EQ(connected.client->write_some(sent, {}).bytes, sent.size());
  Bytes all;
  for (;;) {
    Bytes buffer(777);
    const IoResult result = connected.server->read_some(buffer);
    if (result.status != Status::moved) break;
    all.insert(all.end(), buffer.begin(),
               buffer.begin() + static_cast<std::ptrdiff_t>(result.bytes));
  }
  EXPECT_EQ(all, sent);
}

TEST(Tls, GoesOnAfterWritesThatWereRefused) {
  for (const int version : versions) {
    Connected connected(version, 4096);
    const Bytes sent = tests::pattern(500'000);
    Bytes received;
    std::size_t written = 0;
    int refused = 0;
    int idle = 0;  // a record's part moves, and neither side can tell
    while (received.size() < sent.size()) {
      // From a copy elsewhere: the refused bytes are the same, their place is not.
      const Bytes rest(sent.begin() + static_cast<std::ptrdiff_t>(written), sent.end());
      const IoResult result = connected.client->write_some(rest, {});
      ASSERT_NE(result.status, Status::failed);
      if (result.bytes == 0) ++refused;
      written += result.bytes;
      const Bytes got = read_all(*connected.server, sent.size() - received.size());
      idle = got.empty() && result.bytes == 0 ? idle + 1 : 0;
      ASSERT_LT(idle, 100) << "nothing moves";
      received.insert(received.end(), got.begin(), got.end());
    }
    EXPECT_TRUE(received == sent);
    EXPECT_GT(refused, 0);
  }
}

TEST(Tls, TellsAWriteThatMovedNothing) {
  Connected connected(TLS1_3_VERSION, 4096);
  const Bytes much = tests::pattern(100'000);
  IoResult result;
  for (int i = 0; i < 100; ++i) {
    result = connected.client->write_some(much, {});
    if (result.bytes == 0) break;
  }
  EXPECT_EQ(result.bytes, 0U);
  EXPECT_EQ(result.status, Status::would_block);
}

TEST(Tls, TellsAnOrderlyEndAfterTheData) {
  for (const int version : versions) {
    Connected connected(version);
    connected.client->write_some(bytes_of("last words"), {});
    connected.client->shutdown_write();
    EXPECT_EQ(tests::text_of(read_all(*connected.server, 10)), "last words");
    Bytes buffer(10);
    EXPECT_EQ(connected.server->read_some(buffer).status, Status::end);
    EXPECT_EQ(connected.server->read_some(buffer).status, Status::end);
  }
}

TEST(Tls, ReadsOnAfterItsOwnShutdown) {
  for (const int version : versions) {
    Connected connected(version);
    connected.server->shutdown_write();
    EXPECT_EQ(connected.client->write_some(bytes_of("still"), {}).bytes, 5U);
    EXPECT_EQ(tests::text_of(read_all(*connected.server, 5)), "still");
  }
}

TEST(Tls, TakesATruncatedEndForAnEnd) {
  for (const int version : versions) {
    SCOPED_TRACE(version);
    Connected connected(version);
    connected.client->write_some(bytes_of("last words"), {});
    connected.client->close();  // no close_notify
    EXPECT_EQ(tests::text_of(read_all(*connected.server, 10)), "last words");
    Bytes buffer(10);
    EXPECT_EQ(connected.server->read_some(buffer).status, Status::end);
  }
}

TEST(Tls, FailsOnWhatIsNotTls) {
  Connected connected;
  const Bytes garbage(100, 0x55);
  ASSERT_EQ(::send(connected.client->fd(), garbage.data(), garbage.size(), MSG_NOSIGNAL), 100);
  Bytes buffer(100);
  const IoResult result = connected.server->read_some(buffer);
  EXPECT_EQ(result.status, Status::failed);
  EXPECT_EQ(result.error, 0);
  connected.server->shutdown_write();  // does not touch the broken session, and does not crash
}

TEST(Tls, IgnoresErrorsThatOthersLeftInTheQueue) {
  Connected connected;
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  Bytes buffer(10);
  EXPECT_EQ(connected.server->read_some(buffer).status, Status::would_block);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  EXPECT_EQ(connected.server->write_some(bytes_of("x"), {}).bytes, 1U);
}

TEST(Tls, FailsToWriteWhenThePeerIsGoneInOrder) {
  for (const int version : versions) {
    SCOPED_TRACE(version);
    Connected connected(version);
    connected.client->shutdown_write();
    connected.client->close();
    Bytes buffer(10);
    EXPECT_EQ(connected.server->read_some(buffer).status, Status::end);
    const IoResult result = connected.server->write_some(bytes_of("x"), {});
    EXPECT_EQ(result.status, Status::failed);
    EXPECT_EQ(result.error, EPIPE);
    connected.server->shutdown_write();
  }
}

TEST(Tls, FailsToWriteWhenThePeerIsGone) {
  // An ordinary error, and no SIGPIPE: httpd ignores the signal, and so does this test.
  ::signal(SIGPIPE, SIG_IGN);
  Connected connected;
  connected.client->close();
  const IoResult result = connected.server->write_some(bytes_of("x"), {});
  EXPECT_EQ(result.status, Status::failed);
  EXPECT_EQ(result.error, EPIPE);
  connected.server->shutdown_write();
}

}  // namespace
}  // namespace mod_ws::transport
