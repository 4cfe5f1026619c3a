#include "mod_ws/proxy/message_check.h"

#include <gtest/gtest.h>

#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using protocol::Opcode;
using protocol::Role;
using protocol::rsv1_bit;
using tests::Bytes;
using tests::bytes_of;
using tests::frame;
using tests::RelayOnLoop;
using tests::operator+;

connection::Policy checking(std::uint64_t max_message_bytes = 0) {
  return {.client_limits = {.max_message_bytes = max_message_bytes}, .validates_messages = true};
}

Bytes deflated(std::string_view text) {
  protocol::ZlibPool pool;
  protocol::Deflater deflater(pool, 15, false, {});
  Bytes out;
  deflater.deflate(bytes_of(text), true, out);
  return out;
}

void expect_closes(RelayOnLoop& relay, int code) {
  const auto close = relay.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->close_code(), code);
  auto received = relay.backend.receive_frame();
  while (received && received->opcode != Opcode::close) received = relay.backend.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->close_code(), 1001);
}

TEST(MessageCheck, LeavesGoodMessagesAsTheyCame) {
  RelayOnLoop relay({.policy = checking(), .allowed_rsv = rsv1_bit, .passes_compression = true});
  const Bytes up = frame({}, "caf\xC3\xA9") + frame({.opcode = Opcode::binary}, "\xFF") +
                   frame({.fin = false}, "caf\xC3") + frame({.opcode = Opcode::ping}, "p") +
                   frame({.opcode = Opcode::continuation}, "\xA9") +
                   frame({.rsv = rsv1_bit}, deflated("compressed, compressed, compressed")) +
                   frame({.opcode = Opcode::binary}, tests::pattern(200'000));
  relay.client.send(up);
  EXPECT_EQ(relay.backend.receive(up.size()), up);
}

TEST(MessageCheck, RefusesTextThatIsNotUtf8As1007) {
  const Bytes bad = bytes_of("bad \xC3\x28 text");
  for (const Bytes& message :
       {frame({}, bad), frame({.rsv = rsv1_bit}, deflated("bad \xC3\x28 text")),
        frame({.fin = false}, "cut \xC3") + frame({.opcode = Opcode::continuation}, ""),
        frame({.rsv = rsv1_bit}, Bytes{0xFF, 0xFF})}) {
    RelayOnLoop relay({.policy = checking(), .allowed_rsv = rsv1_bit, .passes_compression = true});
    relay.client.send(message);
    expect_closes(relay, 1007);
  }
}

TEST(MessageCheck, RefusesWhatSwellsBeyondTheLimitAs1009) {
  RelayOnLoop relay(
      {.policy = checking(1000), .allowed_rsv = rsv1_bit, .passes_compression = true});
  relay.client.send(
      frame({.opcode = Opcode::binary, .rsv = rsv1_bit}, deflated(std::string(1001, 'a'))));
  expect_closes(relay, 1009);
}

}  // namespace
}  // namespace mod_ws::proxy
