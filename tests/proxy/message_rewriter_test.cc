#include "mod_ws/proxy/message_rewriter.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/relay_on_loop.h"

namespace mod_ws::proxy {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using protocol::rsv1_bit;
using tests::Bytes;
using tests::bytes_of;
using tests::frame;
using tests::FrameStart;
using tests::Peer;
using tests::RelayOnLoop;
using tests::operator+;

constexpr std::uint8_t compressed = rsv1_bit;

/// One peer's two directions.
class Deflate {
 public:
  Bytes deflate(std::string_view text) {
    Bytes out;
    deflater_.deflate(bytes_of(text), true, out);
    return out;
  }
  std::string inflate(const Bytes& payload) {
    std::string text;
    Bytes space(1000);
    std::span<std::uint8_t> output;
    inflater_.give(payload, true);
    while (inflater_.inflate_some(space, output) == protocol::Inflater::Result::output)
      text.append(output.begin(), output.end());
    return text;
  }

 private:
  protocol::ZlibPool pool_;
  protocol::Deflater deflater_{pool_, 15, true, {}};
  protocol::Inflater inflater_{pool_, true};
};

/// A whole message, its fragments joined.
struct Joined {
  Opcode opcode;
  std::uint8_t rsv;
  Bytes payload;
  int frames;
};
std::optional<Joined> receive_message(Peer& peer) {
  std::optional<Joined> message;
  while (auto received = peer.receive_frame()) {
    if (!message) message = {received->opcode, received->rsv, {}, 0};
    message->payload.insert(message->payload.end(), received->payload.begin(),
                            received->payload.end());
    ++message->frames;
    if (received->fin) return message;
  }
  return std::nullopt;
}

std::string long_text() { return std::string(300, 'a') + std::string(300, 'b'); }

TEST(MessageRewriter, InflatesForThePlainSideAndDeflatesForTheOther) {
  for (const bool client_deflates : {true, false}) {
    SCOPED_TRACE(client_deflates ? "client deflates" : "backend deflates");
    RelayOnLoop relay(
        {.compresses_client = client_deflates, .compresses_backend = !client_deflates});
    Peer& deflating = client_deflates ? relay.client : relay.backend;
    Peer& plain = client_deflates ? relay.backend : relay.client;
    const Role deflating_role = client_deflates ? Role::client : Role::server;
    Deflate deflate;
    for (int i = 0; i < 3; ++i) {  // the contexts go on
      deflating.send(
          frame({.sender = deflating_role, .rsv = compressed}, deflate.deflate(long_text())));
      const auto inflated = plain.receive_frame();
      ASSERT_TRUE(inflated);
      EXPECT_EQ(inflated->rsv, 0);
      EXPECT_TRUE(inflated->fin);
      EXPECT_EQ(inflated->text(), long_text());

      plain.send(frame({.sender = peer_of(deflating_role)}, long_text()));
      const auto deflated = deflating.receive_frame();
      ASSERT_TRUE(deflated);
      EXPECT_EQ(deflated->rsv, compressed);
      EXPECT_LT(deflated->payload.size(), 60U);
      EXPECT_EQ(deflate.inflate(deflated->payload), long_text());
    }
  }
}

TEST(MessageRewriter, PassesUncompressedAndEmptyMessagesOn) {
  RelayOnLoop relay({.compresses_client = true});
  Deflate deflate;
  relay.client.send(frame({}, "small") + frame({.opcode = Opcode::binary}, "") +
                    frame({.rsv = compressed}, Bytes{0x00}));
  for (const std::string_view text : {"small", "", ""}) {
    const auto received = relay.backend.receive_frame();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->text(), text);
    EXPECT_EQ(received->rsv, 0);
  }
  relay.backend.send(frame({.sender = Role::server}, "small"));
  const auto received = relay.client.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->rsv, 0);
  EXPECT_EQ(received->text(), "small");
}

TEST(MessageRewriter, KeepsPingsBetweenFragmentsInTheirPlace) {
  RelayOnLoop relay({.compresses_client = true});
  Deflate deflate;
  const Bytes payload = deflate.deflate(long_text());
  const auto half = payload.begin() + static_cast<std::ptrdiff_t>(payload.size() / 2);
  relay.client.send(frame({.fin = false, .rsv = compressed}, Bytes(payload.begin(), half)) +
                    frame({.opcode = Opcode::ping}, "between") +
                    frame({.opcode = Opcode::continuation}, Bytes(half, payload.end())));
  std::string text;
  bool pinged = false;
  while (const auto received = relay.backend.receive_frame()) {
    if (received->opcode == Opcode::ping) {
      pinged = true;
    } else {
      text += received->text();
      if (received->fin) break;
    }
  }
  EXPECT_TRUE(pinged);
  EXPECT_EQ(text, long_text());
}

TEST(MessageRewriter, StreamsLargeMessages) {
  RelayOnLoop relay({.buffer_bytes = 8192, .compresses_client = true});
  Deflate deflate;
  std::string text;
  for (unsigned i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i * i) + " ";
  const Bytes up = frame({.rsv = compressed}, deflate.deflate(text));
  const Bytes down = frame({.sender = Role::server}, text);
  std::thread client_sends([&] { relay.client.send(up); });
  const auto inflated = receive_message(relay.backend);
  client_sends.join();
  ASSERT_TRUE(inflated);
  EXPECT_EQ(inflated->opcode, Opcode::text);
  EXPECT_TRUE(tests::text_of(inflated->payload) == text);
  std::thread backend_sends([&] { relay.backend.send(down); });
  const auto deflated = receive_message(relay.client);
  backend_sends.join();
  ASSERT_TRUE(deflated);
  EXPECT_EQ(deflated->rsv, compressed);
  EXPECT_TRUE(deflate.inflate(deflated->payload) == text);
}

TEST(MessageRewriter, InflatesNoFasterThanTheOtherSideTakes) {
  RelayOnLoop relay(
      {.policy = {.write_timeout = 60s}, .buffer_bytes = 8192, .compresses_client = true});
  Deflate deflate;
  const std::string zeros(20'000'000, '\0');
  const Bytes bomb = frame({.opcode = Opcode::binary, .rsv = compressed}, deflate.deflate(zeros));
  // Nobody receives: what is inflated of it fills a buffer or two, and no more is read.
  EXPECT_LT(relay.client.send_some(bomb, 300ms), bomb.size());
}

TEST(MessageRewriter, GoesOnInflatingWhenTheOtherSideTakesMore) {
  RelayOnLoop relay({.buffer_bytes = 8192, .compresses_client = true});
  Deflate deflate;
  const std::string zeros(20'000'000, '\0');
  const Bytes bomb = frame({.opcode = Opcode::binary, .rsv = compressed}, deflate.deflate(zeros));
  std::thread client_sends([&] { relay.client.send(bomb); });
  const auto message = receive_message(relay.backend);
  client_sends.join();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload.size(), zeros.size());
  EXPECT_GT(message->frames, 100);
}

TEST(MessageRewriter, RefusesABombAtTheLimit) {
  RelayOnLoop relay(
      {.policy = {.client_limits = {.max_message_bytes = 100'000}}, .compresses_client = true});
  Deflate deflate;
  relay.client.send(frame({.opcode = Opcode::binary, .rsv = compressed},
                          deflate.deflate(std::string(1'000'000, '\0'))));
  const auto close = relay.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->close_code(), 1009);
  auto received = relay.backend.receive_frame();
  while (received && received->opcode != Opcode::close) received = relay.backend.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->close_code(), 1001);
}

TEST(MessageRewriter, RefusesWhatIsNoDeflateAs1007) {
  RelayOnLoop relay({.compresses_client = true});
  relay.client.send(frame({.rsv = compressed}, Bytes{0xFF, 0xFF, 0xFF}));
  const auto close = relay.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->close_code(), 1007);
}

}  // namespace
}  // namespace mod_ws::proxy
