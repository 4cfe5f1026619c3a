#include "mod_ws/channels/mesh_frame.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/bytes.h"
#include "tests/support/guarded_input.h"

namespace mod_ws::channels {
namespace {

using tests::Bytes;
using tests::GuardedInput;
using Kind = MeshFrame::Kind;

void expect_same(const MeshFrame& left, const MeshFrame& right) {
  EXPECT_EQ(left.kind, right.kind);
  EXPECT_EQ(left.type, right.type);
  EXPECT_EQ(left.question, right.question);
  EXPECT_EQ(left.count, right.count);
  EXPECT_EQ(left.channel, right.channel);
  EXPECT_EQ(left.payload, right.payload);
}

const std::string payload_with_null("pay\0load", 8);

std::vector<MeshFrame> all_kinds() {
  return {{.channel = "room", .payload = payload_with_null},
          {.type = ws::MessageType::binary, .channel = "", .payload = ""},
          {.kind = Kind::question, .question = 0xFFFF'FFFF, .channel = "room", .payload = {}},
          {.kind = Kind::answer,
           .question = 7,
           .count = ~std::uint64_t{0},
           .channel = {},
           .payload = {}}};
}

TEST(MeshFrame, ComesBackAsItWas) {
  for (const MeshFrame& frame : all_kinds()) {
    const GuardedInput bytes(serialize(frame));
    std::span<const std::uint8_t> input = bytes.bytes();
    const auto parsed = parse_mesh_frame(input);
    ASSERT_TRUE(parsed);
    expect_same(*parsed, frame);
    EXPECT_TRUE(input.empty());
  }
}

TEST(MeshFrame, WaitsUntilItIsWhole) {
  for (const MeshFrame& frame : all_kinds()) {
    const Bytes bytes = serialize(frame);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const GuardedInput part(std::span<const std::uint8_t>(bytes).first(size));
      std::span<const std::uint8_t> input = part.bytes();
      EXPECT_FALSE(parse_mesh_frame(input)) << size;
      EXPECT_EQ(input.size(), size);
    }
  }
}

TEST(MeshFrame, LeavesWhatStandsBehindIt) {
  Bytes bytes;
  for (const MeshFrame& frame : all_kinds()) tests::operator+=(bytes, serialize(frame));
  bytes.push_back(1);
  const GuardedInput guarded(bytes);
  std::span<const std::uint8_t> input = guarded.bytes();
  for (const MeshFrame& frame : all_kinds()) {
    const auto parsed = parse_mesh_frame(input);
    ASSERT_TRUE(parsed);
    expect_same(*parsed, frame);
  }
  EXPECT_FALSE(parse_mesh_frame(input));
  EXPECT_EQ(input.size(), 1U);
}

TEST(MeshFrame, WaitsForALengthThatNeverComes) {
  // The sum of both lengths would not fit.
  Bytes bytes = serialize({.channel = "room", .payload = "payload"});
  std::fill_n(bytes.begin() + 8, 8, std::uint8_t{0xFF});
  std::span<const std::uint8_t> input = bytes;
  EXPECT_FALSE(parse_mesh_frame(input));
  std::fill_n(bytes.begin() + 16, 4, std::uint8_t{0xFF});
  EXPECT_FALSE(parse_mesh_frame(input));
}

}  // namespace
}  // namespace mod_ws::channels
