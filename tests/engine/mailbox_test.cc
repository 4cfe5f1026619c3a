#include "mod_ws/engine/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <thread>

#include "tests/support/deadline.h"

namespace mod_ws::engine {
namespace {

bool is_readable(const Mailbox& mailbox, int timeout_ms = 0) {
  pollfd poll{.fd = mailbox.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, timeout_ms) > 0;
}

TEST(Mailbox, DeliversInOrder) {
  Mailbox mailbox;
  std::vector<int> delivered;
  for (int i = 0; i < 100; ++i) mailbox.post([&delivered, i] { delivered.push_back(i); });
  EXPECT_TRUE(delivered.empty());
  mailbox.deliver();
  ASSERT_EQ(delivered.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(delivered[static_cast<std::size_t>(i)], i);
}

TEST(Mailbox, IsReadableWhileLettersWait) {
  Mailbox mailbox;
  EXPECT_FALSE(is_readable(mailbox));
  mailbox.post([] {});
  mailbox.post([] {});
  EXPECT_TRUE(is_readable(mailbox));
  mailbox.deliver();
  EXPECT_FALSE(is_readable(mailbox));
  mailbox.deliver();
}

TEST(Mailbox, KeepsLettersPostedByLettersForTheNextTime) {
  Mailbox mailbox;
  int delivered = 0;
  mailbox.post([&] { mailbox.post([&] { ++delivered; }); });
  mailbox.deliver();
  EXPECT_EQ(delivered, 0);
  EXPECT_TRUE(is_readable(mailbox));
  mailbox.deliver();
  EXPECT_EQ(delivered, 1);
}

TEST(Mailbox, DropsUndeliveredLettersWithWhatTheyHold) {
  const auto held = std::make_shared<int>(1);
  {
    Mailbox mailbox;
    mailbox.post([held] {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Mailbox, LosesNothingFromManyThreads) {
  constexpr int threads = 4;
  constexpr int letters = 5'000;
  Mailbox mailbox;
  std::vector<std::vector<int>> delivered(threads);
  std::vector<std::thread> posters;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    posters.emplace_back([&, thread] {
      for (int i = 0; i < letters; ++i)
        mailbox.post([&delivered, thread, i] { delivered[thread].push_back(i); });
    });
  }
  const auto all_there = [&] {
    for (const auto& of_thread : delivered) {
      if (of_thread.size() < letters) return false;
    }
    return true;
  };
  const auto end = tests::deadline();
  while (!all_there() && std::chrono::steady_clock::now() < end) {
    if (is_readable(mailbox, 100)) mailbox.deliver();
  }
  for (std::thread& poster : posters) poster.join();
  for (const auto& of_thread : delivered) {
    ASSERT_EQ(of_thread.size(), static_cast<std::size_t>(letters));
    for (int i = 0; i < letters; ++i) ASSERT_EQ(of_thread[static_cast<std::size_t>(i)], i);
  }
}

}  // namespace
}  // namespace mod_ws::engine
