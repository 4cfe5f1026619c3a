#include "mod_ws/transport/socket_bio.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

#include "tests/support/next_function.h"
#include "tests/support/tls_pair.h"

namespace {

/// System calls of this thread's, while somebody looks.
struct Calls {
  std::vector<int> send_flags;
  int receives = 0;
};
thread_local Calls* calls = nullptr;

}  // namespace

// These stand before the C library's.

extern "C" ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  static auto* const real =
      mod_ws::tests::next_function<ssize_t(int, const void*, std::size_t, int)>("send");
  if (calls != nullptr) calls->send_flags.push_back(flags);
  return real(fd, bytes, size, flags);
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

/// What `act` calls.
template <class Act>
Calls calls_of(Act act) {
  Calls seen;
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
