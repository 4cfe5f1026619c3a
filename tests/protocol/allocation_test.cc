#include <gtest/gtest.h>

#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/message_assembler.h"
#include "tests/support/allocations.h"
#include "tests/support/bytes.h"
#include "tests/support/frames.h"

namespace mod_ws::protocol {
namespace {

using tests::allocations;

/// How many allocations it takes to receive one binary message of `size` bytes that arrives whole.
std::size_t allocations_for(std::size_t size) {
  std::vector<std::uint8_t> frame{
      0x82, 0xFE, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size), 1, 2,
      3,    4};
  frame.resize(frame.size() + size);
  FrameParser parser({.role = Role::server});
  FramePiece piece;
  const std::size_t before = allocations;
  std::span<std::uint8_t> input(frame);
  EXPECT_EQ(parser.next(input, piece), FrameParser::Result::piece);
  MessageAssembler assembler({.max_message_bytes = 1 << 20});
  EXPECT_EQ(assembler.receive(piece), MessageAssembler::Result::message);
  const ws::Message message = assembler.take_message();
  EXPECT_EQ(message.payload.size(), size);
  return allocations - before;
}

TEST(Allocation, WholeMessageCostsItsPayloadOnly) {
  EXPECT_EQ(allocations_for(126), 1U);
  EXPECT_EQ(allocations_for(40'000), 1U);
}

}  // namespace
}  // namespace mod_ws::protocol
