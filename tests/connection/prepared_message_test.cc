#include "mod_ws/connection/prepared_message.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>

#include "mod_ws/protocol/frame_header.h"
#include "tests/support/frames.h"

namespace mod_ws::connection {
namespace {

using protocol::DeflateEffort;
using protocol::Opcode;
using protocol::Role;
using protocol::ZlibPool;
using tests::Bytes;
using ws::MessageType;

Bytes copy_of(PreparedMessage::Bytes bytes) { return {bytes.begin(), bytes.end()}; }

/// What one frame's compressed payload inflates to.
std::string inflated(PreparedMessage::Bytes frame) {
  protocol::FrameHeader header;
  bool minimal = true;
  const std::size_t head = protocol::parse_frame_header(frame, header, minimal);
  const Bytes payload(frame.begin() + static_cast<std::ptrdiff_t>(head), frame.end());
  EXPECT_EQ(header.payload_length, payload.size());
  ZlibPool pool;
  protocol::Inflater inflater(pool, false);
  inflater.give(payload, true);
  std::array<std::uint8_t, 4096> space;
  std::string text;
  while (true) {
    std::span<std::uint8_t> output;
    const auto result = inflater.inflate_some(space, output);
    text += tests::text_of(output);
    if (result == protocol::Inflater::Result::output) continue;
    EXPECT_EQ(result, protocol::Inflater::Result::finished);
    return text;
  }
}

std::string words() {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "word " + std::to_string(i * i) + ", ";
  return text;
}

TEST(PreparedMessage, FramesEveryFormOfLength) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 100'000U}) {
    SCOPED_TRACE(size);
    const std::string payload(size, 'a');
    for (const auto opcode : {Opcode::text, Opcode::binary}) {
      const PreparedMessage message(static_cast<MessageType>(opcode), payload);
      EXPECT_TRUE(copy_of(message.frame()) ==
                  tests::frame({.sender = Role::server, .opcode = opcode}, payload));
      EXPECT_EQ(message.payload, payload);
      EXPECT_TRUE(message.is_valid());
    }
  }
}

TEST(PreparedMessage, OwnsItsPayload) {
  std::string payload = "given";
  const PreparedMessage message(MessageType::text, payload);
  payload = "taken";
  EXPECT_EQ(message.payload, "given");
}

TEST(PreparedMessage, ChecksTextOnly) {
  for (const std::string_view bad : {"\xFF", "cut \xE2\x82", "\xC0\x80", "\xED\xA0\x80"}) {
    EXPECT_FALSE(PreparedMessage(MessageType::text, bad).is_valid());
    EXPECT_TRUE(PreparedMessage(MessageType::binary, bad).is_valid());
  }
  EXPECT_TRUE(PreparedMessage(MessageType::text, "\xE2\x82\xAC").is_valid());
}

TEST(PreparedMessage, CompressesToAFrameWithRsv1ThatInflatesToTheMessage) {
  ZlibPool pool;
  const PreparedMessage message(MessageType::text, words());
  for (const int bits : {9, 12, 15}) {
    const auto frame = message.compressed_frame(pool, bits, {});
    EXPECT_EQ(frame[0], 0x80 | 0x40 | 0x01);
    EXPECT_LT(frame.size(), message.frame().size());
    EXPECT_EQ(inflated(frame), words());
  }
}

TEST(PreparedMessage, SharesEachVariant) {
  ZlibPool pool;
  ZlibPool other_pool;
  const PreparedMessage message(MessageType::text, words());
  const auto with_15 = message.compressed_frame(pool, 15, {});
  const auto with_9 = message.compressed_frame(pool, 9, {});
  const auto harder = message.compressed_frame(pool, 15, {.level = 9});
  EXPECT_NE(with_9.data(), with_15.data());
  EXPECT_NE(harder.data(), with_15.data());
  EXPECT_EQ(message.compressed_frame(other_pool, 15, {}).data(), with_15.data());
  EXPECT_EQ(message.compressed_frame(pool, 9, {}).data(), with_9.data());
  EXPECT_EQ(message.compressed_frame(pool, 15, {.level = 9}).data(), harder.data());
}

TEST(PreparedMessage, IsSentAsItIsWhereCompressingIsNotWorthIt) {
  ZlibPool pool;
  std::string noise;
  for (std::uint32_t state = 1; noise.size() < 1000; state = state * 1664525 + 1013904223)
    noise += static_cast<char>(state >> 24);
  for (const std::string& payload : {std::string(), std::string("a"), noise}) {
    const PreparedMessage message(MessageType::binary, payload);
    for (int time = 0; time < 2; ++time)
      EXPECT_EQ(message.compressed_frame(pool, 15, {}).data(), message.frame().data());
  }
}

TEST(PreparedMessage, IsSentAsItIsBeyondTheVariantsThatAreKept) {
  ZlibPool pool;
  const PreparedMessage message(MessageType::text, words());
  const auto first = copy_of(message.compressed_frame(pool, 9, {}));
  const auto* const first_place = message.compressed_frame(pool, 9, {}).data();
  int as_they_are = 0;
  for (const int level : {1, 9}) {
    for (int bits = 9; bits <= 15; ++bits) {
      const auto frame = message.compressed_frame(pool, bits, {.level = level});
      if (frame.data() == message.frame().data()) {
        ++as_they_are;
      } else {
        EXPECT_EQ(inflated(frame), words());
      }
    }
  }
  EXPECT_EQ(as_they_are, 14 - 8);
  EXPECT_EQ(message.compressed_frame(pool, 9, {}).data(), first_place) << "none has moved";
  EXPECT_EQ(copy_of(message.compressed_frame(pool, 9, {})), first);
}

TEST(PreparedMessage, ServesSeveralThreads) {
  const PreparedMessage message(MessageType::text, words());
  std::vector<std::vector<const std::uint8_t*>> places(4);
  std::vector<std::thread> threads;
  for (auto& mine : places) {
    threads.emplace_back([&message, &mine] {
      ZlibPool pool;
      for (int bits = 9; bits <= 15; ++bits) {
        const auto frame = message.compressed_frame(pool, bits, {});
        EXPECT_EQ(frame[0], 0xC1);
        EXPECT_EQ(inflated(frame), words());
        mine.push_back(frame.data());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : places) EXPECT_EQ(mine, places[0]);
}

}  // namespace
}  // namespace mod_ws::connection
