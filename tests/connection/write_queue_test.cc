#include "mod_ws/connection/write_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "tests/support/bytes.h"

namespace mod_ws::connection {
namespace {

using tests::Bytes;

Bytes front_of(const WriteQueue& queue) { return {queue.front().begin(), queue.front().end()}; }

TEST(WriteQueue, BeginsEmpty) {
  const WriteQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_TRUE(queue.front().empty());
}

TEST(WriteQueue, IgnoresEmptyAppends) {
  WriteQueue queue;
  queue.append({});
  EXPECT_TRUE(queue.empty());
  queue.consume(0);
  EXPECT_TRUE(queue.empty());
}

TEST(WriteQueue, KeepsTheOrder) {
  WriteQueue queue;
  queue.append(tests::bytes_of("abc"));
  queue.append(tests::bytes_of("def"));
  EXPECT_EQ(front_of(queue), tests::bytes_of("abcdef"));
  queue.consume(4);
  EXPECT_EQ(front_of(queue), tests::bytes_of("ef"));
  EXPECT_EQ(queue.size(), 2U);
  queue.append(tests::bytes_of("g"));
  EXPECT_EQ(front_of(queue), tests::bytes_of("efg"));
  queue.consume(3);
  EXPECT_TRUE(queue.empty());
}

TEST(WriteQueue, Clears) {
  WriteQueue queue;
  queue.append(tests::bytes_of("abc"));
  queue.clear();
  EXPECT_TRUE(queue.empty());
  queue.append(tests::bytes_of("d"));
  EXPECT_EQ(front_of(queue), tests::bytes_of("d"));
}

TEST(WriteQueue, AgreesWithADequeOverRandomOperations) {
  std::mt19937 random(20240607);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  WriteQueue queue;
  std::deque<std::uint8_t> reference;
  for (int i = 0; i < 20'000; ++i) {
    if (below(2) == 0) {
      const Bytes bytes = tests::pattern(below(below(10) == 0 ? 5000 : 50));
      queue.append(bytes);
      reference.insert(reference.end(), bytes.begin(), bytes.end());
    } else {
      const std::size_t size = below(3) == 0 ? reference.size() : below(reference.size() + 1);
      queue.consume(size);
      reference.erase(reference.begin(), reference.begin() + static_cast<std::ptrdiff_t>(size));
    }
    ASSERT_EQ(queue.empty(), reference.empty());
    ASSERT_EQ(queue.size(), reference.size());
    ASSERT_TRUE(
        std::equal(reference.begin(), reference.end(), queue.front().begin(), queue.front().end()));
  }
}

}  // namespace
}  // namespace mod_ws::connection
