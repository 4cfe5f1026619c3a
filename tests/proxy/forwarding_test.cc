// The relay's fast path: what it hands to the kernel lies where it was received.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "tests/support/next_function.h"
#include "tests/support/relay_on_loop.h"

namespace {

/// What is sent on the loop's thread, while somebody looks.
struct Watch {
  const std::uint8_t* begin = nullptr;  // of the loop's receive buffer
  const std::uint8_t* end = nullptr;
  std::size_t from_buffer = 0;
  std::size_t from_elsewhere = 0;
};
thread_local Watch* watch = nullptr;

void note(const void* sent, std::size_t size) {
  if (watch == nullptr) return;
  const auto* const bytes = static_cast<const std::uint8_t*>(sent);
  const bool is_inside = bytes >= watch->begin && bytes + size <= watch->end;
  (is_inside ? watch->from_buffer : watch->from_elsewhere) += size;
}

}  // namespace

// These stand before the C library's.

extern "C" ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  static auto* const real =
      mod_ws::tests::next_function<ssize_t(int, const void*, std::size_t, int)>("send");
  note(bytes, size);
  return real(fd, bytes, size, flags);
}

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const real =
      mod_ws::tests::next_function<ssize_t(int, const msghdr*, int)>("sendmsg");
  for (std::size_t i = 0; i < message->msg_iovlen; ++i)
    note(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
  return real(fd, message, flags);
}

namespace mod_ws::proxy {
namespace {

using protocol::Opcode;
using protocol::Role;
using tests::Bytes;
using tests::frame;
using tests::Peer;
using tests::RelayOnLoop;

constexpr std::size_t message_count = 200;

TEST(Forwarding, CopiesNoPayload) {
  for (const bool from_client : {true, false}) {
    for (const std::size_t size : {32, 1024, 16 << 10}) {
      SCOPED_TRACE(size);
      RelayOnLoop relay;
      Watch seen;
      relay.thread.call([&] {
        // One read's room, and what is kept of the read before in front of it.
        const auto space = relay.thread.loop().receive_buffer().space();
        seen.begin = space.data() - engine::ReceiveBuffer::headroom_bytes;
        seen.end = space.data() + space.size();
        watch = &seen;
      });
      Peer& sender = from_client ? relay.client : relay.backend;
      Peer& receiver = from_client ? relay.backend : relay.client;
      const Bytes message =
          frame({.sender = from_client ? Role::client : Role::server, .opcode = Opcode::binary},
                tests::pattern(size));
      for (std::size_t i = 0; i < message_count; ++i) {
        sender.send(message);
        ASSERT_EQ(receiver.receive(message.size()), message);
      }
      relay.thread.call([] { watch = nullptr; });
      EXPECT_EQ(seen.from_buffer, message_count * message.size());
      EXPECT_EQ(seen.from_elsewhere, 0U);
    }
  }
}

}  // namespace
}  // namespace mod_ws::proxy
