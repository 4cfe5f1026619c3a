#include "mod_ws/protocol/frame_header.h"

#include <gtest/gtest.h>

#include "tests/support/frames.h"
#include "tests/support/guarded_input.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;
using tests::GuardedInput;

struct Parsed {
  std::size_t size;
  FrameHeader header;
  bool minimal_length;
};

Parsed parse(const Bytes& bytes) {
  const GuardedInput input(bytes);
  Parsed parsed{};
  parsed.size = parse_frame_header(input.bytes(), parsed.header, parsed.minimal_length);
  return parsed;
}

Bytes serialize(const FrameHeader& header) {
  std::array<std::uint8_t, max_frame_header_bytes> out{};
  const auto size = serialize_frame_header(header, out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

constexpr std::uint64_t longest = (std::uint64_t{1} << 63) - 1;

const std::vector<std::uint64_t> lengths{
    0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 1 << 20, 0xFFFFFFFF, 1ULL << 32, longest};

TEST(FrameHeader, ReadsEveryLengthForm) {
  for (const auto sender : {Role::client, Role::server}) {
    for (const std::uint64_t length : lengths) {
      SCOPED_TRACE(length);
      const Bytes bytes = tests::header({.sender = sender, .opcode = Opcode::binary}, length);
      const Parsed parsed = parse(bytes);
      EXPECT_EQ(parsed.size, bytes.size());
      EXPECT_EQ(parsed.header.payload_length, length);
      EXPECT_EQ(parsed.header.opcode, Opcode::binary);
      EXPECT_TRUE(parsed.header.fin);
      EXPECT_EQ(parsed.header.rsv, 0);
      EXPECT_TRUE(parsed.minimal_length);
      ASSERT_EQ(parsed.header.masked, sender == Role::client);
      if (parsed.header.masked) {
        EXPECT_EQ(parsed.header.masking_key, tests::test_key);
      }
    }
  }
}

TEST(FrameHeader, WantsMoreForEveryPrefix) {
  for (const auto sender : {Role::client, Role::server}) {
    for (const std::uint64_t length : {0ULL, 126ULL, 65536ULL}) {
      const Bytes whole = tests::header({.sender = sender}, length);
      for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(
            parse(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).size, 0U)
            << size << " of " << whole.size();
      }
    }
  }
}

TEST(FrameHeader, LeavesWhatFollowsAlone) {
  const Bytes bytes = tests::frame({.sender = Role::server}, "Hello");
  EXPECT_EQ(parse(bytes).size, 2U);
}

TEST(FrameHeader, ReadsEveryFirstByte) {
  for (int first = 0; first < 256; ++first) {
    const Parsed parsed = parse({static_cast<std::uint8_t>(first), 0});
    ASSERT_EQ(parsed.size, 2U);
    EXPECT_EQ(parsed.header.fin, first >= 0x80);
    EXPECT_EQ(parsed.header.rsv, first & 0x70);
    EXPECT_EQ(static_cast<int>(parsed.header.opcode), first & 0x0F);
  }
}

TEST(FrameHeader, TellsMinimalFromLongerForms) {
  struct Form {
    std::uint64_t length;
    int extended_bytes;
    bool minimal;
  };
  for (const auto& [length, extended_bytes, minimal] :
       std::initializer_list<Form>{{0, 2, false},
                                   {125, 2, false},
                                   {126, 2, true},
                                   {65535, 2, true},
                                   {0, 8, false},
                                   {125, 8, false},
                                   {126, 8, false},
                                   {65535, 8, false},
                                   {65536, 8, true},
                                   {longest, 8, true},
                                   {longest + 1, 8, false},
                                   {~std::uint64_t{0}, 8, false}}) {
    SCOPED_TRACE(length);
    const Parsed parsed = parse(tests::header_with_form({}, length, extended_bytes));
    EXPECT_EQ(parsed.size, 6U + static_cast<std::size_t>(extended_bytes));
    EXPECT_EQ(parsed.header.payload_length, length);
    EXPECT_EQ(parsed.minimal_length, minimal);
  }
}

TEST(FrameHeader, WritesTheShortestForm) {
  for (const auto sender : {Role::client, Role::server}) {
    for (const std::uint64_t length : lengths) {
      const FrameHeader header{.payload_length = length,
                               .masking_key = tests::test_key,
                               .opcode = Opcode::binary,
                               .masked = sender == Role::client};
      EXPECT_EQ(serialize(header),
                tests::header({.sender = sender, .opcode = Opcode::binary}, length))
          << length;
    }
  }
}

TEST(FrameHeader, SurvivesTheRoundTrip) {
  for (const std::uint64_t length : lengths) {
    for (int bits = 0; bits < 256; ++bits) {
      const FrameHeader header{.payload_length = length,
                               .masking_key = {1, 2, 3, 4},
                               .opcode = static_cast<Opcode>(bits & 0x0F),
                               .fin = (bits & 0x80) != 0,
                               .masked = true,
                               .rsv = static_cast<std::uint8_t>(bits & 0x70)};
      const Parsed parsed = parse(serialize(header));
      ASSERT_EQ(parsed.header.payload_length, length);
      ASSERT_EQ(parsed.header.masking_key, header.masking_key);
      ASSERT_EQ(parsed.header.opcode, header.opcode);
      ASSERT_EQ(parsed.header.fin, header.fin);
      ASSERT_EQ(parsed.header.rsv, header.rsv);
      ASSERT_TRUE(parsed.minimal_length);
    }
  }
}

TEST(FrameHeader, WritesTheExamplesOfTheRfc) {
  // RFC 6455 5.7
  EXPECT_EQ(serialize({.payload_length = 5, .opcode = Opcode::text}), (Bytes{0x81, 0x05}));
  EXPECT_EQ(serialize({.payload_length = 5,
                       .masking_key = {0x37, 0xfa, 0x21, 0x3d},
                       .opcode = Opcode::text,
                       .masked = true}),
            (Bytes{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d}));
  EXPECT_EQ(serialize({.payload_length = 3, .opcode = Opcode::text, .fin = false}),
            (Bytes{0x01, 0x03}));
  EXPECT_EQ(serialize({.payload_length = 2}), (Bytes{0x80, 0x02}));
  EXPECT_EQ(serialize({.payload_length = 256, .opcode = Opcode::binary}),
            (Bytes{0x82, 0x7E, 0x01, 0x00}));
  EXPECT_EQ(serialize({.payload_length = 65536, .opcode = Opcode::binary}),
            (Bytes{0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0}));
}

TEST(FrameHeader, IsDescribedWithoutItsKey) {
  EXPECT_EQ(describe({.payload_length = 5, .opcode = Opcode::text}), "text fin, 5 bytes");
  EXPECT_EQ(describe({.payload_length = 0, .fin = false, .masked = true}), "continuation, 0 bytes");
  EXPECT_EQ(describe({.payload_length = 9, .opcode = Opcode::binary, .rsv = all_rsv_bits}),
            "binary fin rsv1 rsv2 rsv3, 9 bytes");
}

}  // namespace
}  // namespace mod_ws::protocol
