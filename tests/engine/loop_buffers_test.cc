#include "mod_ws/engine/loop_buffers.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/bytes.h"

namespace mod_ws::engine {
namespace {

using tests::Bytes;
using tests::bytes_of;

class Sent final : public GatherBuffer::Owner {
 public:
  void send_gathered(std::span<const std::uint8_t> bytes) override {
    batches.push_back(tests::text_of(bytes));
  }
  std::vector<std::string> batches;
};

TEST(ReceiveBuffer, PutsWhatWasKeptBeforeWhatWasRead) {
  ReceiveBuffer buffer(1000);
  EXPECT_EQ(buffer.space().size(), 1000U);
  for (std::size_t kept_size = 0; kept_size <= ReceiveBuffer::headroom_bytes; ++kept_size) {
    const Bytes kept(kept_size, 'k');
    const Bytes read = tests::pattern(700);
    std::copy(read.begin(), read.end(), buffer.space().begin());
    const auto joined = buffer.joined(kept, read.size());
    ASSERT_EQ(joined.size(), kept_size + 700);
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), joined.begin()));
    EXPECT_TRUE(std::equal(read.begin(), read.end(),
                           joined.begin() + static_cast<std::ptrdiff_t>(kept_size)));
  }
}

TEST(GatherBuffer, SendsWhatOneOwnerWritesAtOnce) {
  GatherBuffer buffer(100);
  Sent owner;
  for (const char* const text : {"a", "bc", "def"}) {
    buffer.make_room(owner, 3);
    const auto copy = buffer.append(bytes_of(text));
    EXPECT_EQ(tests::text_of(copy), text);
  }
  EXPECT_TRUE(owner.batches.empty());
  buffer.flush();
  EXPECT_EQ(owner.batches, std::vector<std::string>{"abcdef"});
  buffer.flush();
  EXPECT_EQ(owner.batches.size(), 1U);
}

TEST(GatherBuffer, SendsTheLastOwnersBytesFirst) {
  GatherBuffer buffer(100);
  Sent first;
  Sent second;
  buffer.make_room(first, 1);
  buffer.append(bytes_of("1"));
  buffer.make_room(second, 1);
  EXPECT_EQ(first.batches, std::vector<std::string>{"1"});
  buffer.append(bytes_of("2"));
  buffer.flush(first);
  EXPECT_TRUE(second.batches.empty());
  buffer.flush(second);
  EXPECT_EQ(second.batches, std::vector<std::string>{"2"});
  EXPECT_EQ(first.batches.size(), 1U);
}

TEST(GatherBuffer, SendsBeforeItGetsTooFull) {
  GatherBuffer buffer(10);
  Sent owner;
  buffer.make_room(owner, 6);
  buffer.append(bytes_of("123456"));
  buffer.make_room(owner, 4);
  buffer.append(bytes_of("7890"));
  EXPECT_TRUE(owner.batches.empty());
  buffer.make_room(owner, 1);
  buffer.append(bytes_of("x"));
  EXPECT_EQ(owner.batches, std::vector<std::string>{"1234567890"});
  buffer.flush();
  EXPECT_EQ(owner.batches.back(), "x");
}

TEST(GatherBuffer, TakesMoreThanItsSizeAtOnce) {
  GatherBuffer buffer(10);
  Sent owner;
  const std::string large(1000, 'x');
  buffer.make_room(owner, large.size());
  buffer.append(bytes_of(large));
  buffer.flush();
  buffer.make_room(owner, 1);
  buffer.append(bytes_of("y"));
  buffer.flush();
  EXPECT_EQ(owner.batches, (std::vector<std::string>{large, "y"}));
}

TEST(GatherBuffer, DropsTheBytesOfTheOneOwner) {
  GatherBuffer buffer(10);
  Sent gone;
  Sent other;
  buffer.make_room(gone, 1);
  buffer.append(bytes_of("1"));
  buffer.drop(other);
  buffer.drop(gone);
  buffer.flush();
  EXPECT_TRUE(gone.batches.empty());
  buffer.make_room(other, 1);
  buffer.append(bytes_of("2"));
  buffer.flush();
  EXPECT_EQ(other.batches, std::vector<std::string>{"2"});
}

}  // namespace
}  // namespace mod_ws::engine
