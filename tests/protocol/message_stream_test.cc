#include "mod_ws/protocol/message_stream.h"

#include <gtest/gtest.h>

#include "tests/support/bytes.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;
using tests::bytes_of;
using Result = MessageStream::Result;

FramePiece whole_message(Bytes& payload, std::uint8_t rsv = 0, Opcode opcode = Opcode::text) {
  return {.raw = payload, .payload = payload, .opcode = opcode, .rsv = rsv};
}

TEST(MessageStream, GivesPlainPayloadWhereItLies) {
  Bytes payload = bytes_of("Hello");
  FramePiece piece = whole_message(payload);
  MessageStream stream({}, nullptr);
  std::span<std::uint8_t> output;
  stream.give(piece);
  ASSERT_EQ(stream.next({}, output), Result::output);
  EXPECT_EQ(output.data(), payload.data());
  EXPECT_EQ(output.size(), payload.size());
  EXPECT_EQ(stream.next({}, output), Result::message);
}

TEST(MessageStream, RefusesAFrameThatIsTooLargeAtItsHeaderAs1009) {
  Bytes nothing;
  FramePiece piece = whole_message(nothing);
  piece.ends_frame = false;
  piece.payload_left = 11;
  MessageStream stream({.max_message_bytes = 10}, nullptr);
  std::span<std::uint8_t> output;
  stream.give(piece);
  EXPECT_EQ(stream.next({}, output), Result::violation);
  EXPECT_EQ(stream.violation().code, ws::CloseCode::message_too_big);
}

TEST(MessageStream, LeavesTextUncheckedWhereItIsTold) {
  Bytes payload = bytes_of("\xFF");
  FramePiece piece = whole_message(payload);
  MessageStream stream({.checks_text = false}, nullptr);
  std::span<std::uint8_t> output;
  stream.give(piece);
  EXPECT_EQ(stream.next({}, output), Result::output);
  EXPECT_EQ(stream.next({}, output), Result::message);
}

TEST(MessageStream, GoesOnWithWhatItHasKept) {
  const std::string text(10'000, 'a');
  ZlibPool pool;
  Deflater deflater(pool, 15, false, {});
  Inflater inflater(pool, false);
  Bytes payload;
  ASSERT_TRUE(deflater.deflate(bytes_of(text), true, payload));
  MessageStream stream({}, &inflater);
  FramePiece piece = whole_message(payload, rsv1_bit);
  stream.give(piece);

  Bytes space(100);
  Bytes kept;
  std::span<std::uint8_t> output;
  std::size_t size = 0;
  Result result = stream.next(space, output);
  while (result == Result::output) {
    size += output.size();
    stream.keep_input(kept);
    std::fill(payload.begin(), payload.end(), 0xFF);  // the piece has gone
    result = stream.next(space, output);
  }
  EXPECT_EQ(result, Result::message);
  EXPECT_EQ(size, text.size());
}

}  // namespace
}  // namespace mod_ws::protocol
