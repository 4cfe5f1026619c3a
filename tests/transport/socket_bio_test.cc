#include "mod_ws/transport/socket_bio.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/next_function.h"
#include "tests/support/tls_pair.h"

namespace {

/// System calls of this thread's, while somebody looks.
struct Calls {
  std::vector<int> send_flags;
  int receives = 0;
  std::size_t room = SIZE_MAX;  ///< What send(2) still takes.
};
thread_local Calls* calls = nullptr;

}  // namespace

// These stand before the C library's.

extern "C" ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  static auto* const real =
      mod_ws::tests::next_function<ssize_t(int, const void*, std::size_t, int)>("send");
  if (calls == nullptr) return real(fd, bytes, size, flags);
  calls->send_flags.push_back(flags);
  if (calls->room == 0) {
    errno = EAGAIN;
    return -1;
  }
  const ssize_t sent = real(fd, bytes, std::min(size, calls->room), flags);
  if (sent > 0) calls->room -= static_cast<std::size_t>(sent);
  return sent;
}

extern "C" ssize_t recv(int fd, void* bytes, std::size_t size, int flags) {
  static auto* const real =
      mod_ws::tests::next_function<ssize_t(int, void*, std::size_t, int)>("recv");
  if (calls != nullptr) ++calls->receives;
  return real(fd, bytes, size, flags);
}

namespace mod_ws::transport {
namespace {

using tests::Bytes;
using tests::TlsPair;

constexpr std::size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;

/// What `act` calls, while there is so much room in the kernel.
template <class Act>
Calls calls_of(Act act, std::size_t room = SIZE_MAX) {
  Calls seen{.send_flags = {}, .room = room};
  calls = &seen;
  act();
  calls = nullptr;
  return seen;
}

TEST(SocketBio, LetsTheRecordsOfAWriteLeaveTogether) {
  TlsPair pair;
  const Bytes first = tests::pattern(100), second = tests::pattern(2 * record_bytes + 1);
  const Calls seen = calls_of([&] { pair.client->write_some(first, second); });
  constexpr int held = MSG_NOSIGNAL | MSG_MORE;
  EXPECT_EQ(seen.send_flags, (std::vector<int>{held, held, held, MSG_NOSIGNAL}));
}

TEST(SocketBio, HoldsNothingOfASingleRecord) {
  TlsPair pair;
  const Bytes record = tests::pattern(record_bytes);
  const Calls seen = calls_of([&] {
    pair.client->write_some(record, {});
    pair.client->shutdown_write();
  });
  EXPECT_EQ(seen.send_flags, (std::vector<int>{MSG_NOSIGNAL, MSG_NOSIGNAL}));
}

/// What the client still has to write, then it all at the server: nothing of it is lost or twice.
void expect_rest_arrives(TlsPair& pair, const Bytes& sent, std::size_t written) {
  const auto rest = std::span(sent).subspan(written);
  ASSERT_EQ(pair.client->write_some(rest, {}).bytes, rest.size());
  Bytes received(sent.size() + 1);
  std::size_t have = 0;
  while (have < sent.size()) {
    const IoResult result = pair.server->read_some(std::span(received).subspan(have));
    ASSERT_EQ(result.status, IoResult::Status::moved);
    have += result.bytes;
  }
  received.resize(have);
  EXPECT_TRUE(received == sent);
}

TEST(SocketBio, GoesOnBehindAShortSendOfARecordThatOthersFollow) {
  TlsPair pair;
  const Bytes sent = tests::pattern(3 * record_bytes);
  IoResult written;
  const Calls seen =
      calls_of([&] { written = pair.client->write_some(sent, {}); }, record_bytes + 1'000);
  constexpr int held = MSG_NOSIGNAL | MSG_MORE;
  EXPECT_EQ(seen.send_flags, (std::vector<int>{held, held, held}));
  EXPECT_EQ(written.status, IoResult::Status::moved);
  EXPECT_EQ(written.bytes, record_bytes);
  expect_rest_arrives(pair, sent, written.bytes);
}

TEST(SocketBio, TellsHowMuchHasGoneWhereTheSecondPartIsRefused) {
  TlsPair pair;
  const Bytes first = tests::pattern(100);
  const Bytes second = tests::pattern(1'000);
  Bytes sent = first;
  sent.insert(sent.end(), second.begin(), second.end());
  for (const std::size_t room : {std::size_t{200}, std::size_t{122}}) {
    IoResult written;
    const Calls seen = calls_of([&] { written = pair.client->write_some(first, second); }, room);
    EXPECT_EQ(seen.send_flags.front(), MSG_NOSIGNAL | MSG_MORE);
    EXPECT_EQ(seen.send_flags.back(), MSG_NOSIGNAL);
    EXPECT_EQ(written.status, IoResult::Status::moved);
    EXPECT_EQ(written.bytes, first.size());
    expect_rest_arrives(pair, sent, written.bytes);
  }
}

TEST(SocketBio, WouldBlockWhereTheFirstPartIsRefused) {
  TlsPair pair;
  const Bytes sent = tests::pattern(100);
  IoResult written;
  calls_of([&] { written = pair.client->write_some(sent, {}); }, 0);
  EXPECT_EQ(written.status, IoResult::Status::would_block);
  expect_rest_arrives(pair, sent, 0);
}

TEST(SocketBio, TellsTheEndOnceItHasBeenRead) {
  tests::SocketPair pair = tests::make_socket_pair();
  const tests::BioPtr bio(make_socket_bio(pair.ours.get()));
  char byte = 0;
  EXPECT_LE(BIO_read(bio.get(), &byte, 1), 0);
  EXPECT_TRUE(BIO_should_retry(bio.get()));
  EXPECT_EQ(BIO_eof(bio.get()), 0);
  pair.theirs.reset();
  EXPECT_LE(BIO_read(bio.get(), &byte, 1), 0);
  EXPECT_FALSE(BIO_should_retry(bio.get()));
  EXPECT_EQ(BIO_eof(bio.get()), 1);
  EXPECT_LE(BIO_write(bio.get(), &byte, 1), 0);
  EXPECT_FALSE(BIO_should_retry(bio.get()));
  EXPECT_EQ(BIO_flush(bio.get()), 1);
}

/// So that the handshake's buffer has been given back.
void read_one_record(TlsPair& pair) {
  Bytes byte(1);
  pair.client->write_some(byte, {});
  ASSERT_EQ(pair.server->read_some(byte).bytes, 1U);
}

TEST(SocketBio, ReadsFourRecordsWithOneCall) {
  TlsPair pair;
  read_one_record(pair);
  const Bytes sent = tests::pattern(4 * record_bytes);
  ASSERT_EQ(pair.client->write_some(sent, {}).bytes, sent.size());
  Bytes read(5 * record_bytes);
  IoResult result;
  const Calls seen = calls_of([&] { result = pair.server->read_some(read); });
  EXPECT_EQ(seen.receives, 1);
  read.resize(result.bytes);
  EXPECT_EQ(read, sent);
}

TEST(SocketBio, DoesNotLookForMoreThanHasCome) {
  TlsPair pair;
  const Bytes sent = tests::pattern(100);
  ASSERT_EQ(pair.client->write_some(sent, {}).bytes, sent.size());
  Bytes read(1000);
  const Calls seen = calls_of([&] { EXPECT_EQ(pair.server->read_some(read).bytes, sent.size()); });
  EXPECT_EQ(seen.receives, 1);
}

}  // namespace
}  // namespace mod_ws::transport
