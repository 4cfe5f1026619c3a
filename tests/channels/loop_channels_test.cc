#include "mod_ws/channels/loop_channels.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/subscriber.h"

namespace mod_ws::channels {
namespace {

using tests::prepared;
using tests::Subscriber;
using Payloads = std::vector<std::string>;

void take(LoopChannels& channels, std::string_view channel, Message message) {
  channels.take(tests::publication(channel, std::move(message)));
}

/// To all, as a loop does in as many turns as it needs.
void deliver(LoopChannels& channels, std::string_view channel, Message message) {
  take(channels, channel, std::move(message));
  EXPECT_FALSE(channels.give(LoopChannels::subscriptions_a_turn));
}

TEST(LoopChannels, DeliverToAllWhoSubscribe) {
  LoopChannels channels;
  const Subscriber first(channels, "room");
  const Subscriber second(channels, "room");
  const Subscriber elsewhere(channels, "hall");
  deliver(channels, "room", prepared("1"));
  deliver(channels, "room", prepared("2"));
  EXPECT_EQ(first.payloads, (Payloads{"1", "2"}));
  EXPECT_EQ(second.payloads, first.payloads);
  EXPECT_TRUE(elsewhere.payloads.empty());
}

TEST(LoopChannels, ShareTheMessage) {
  LoopChannels channels;
  const Subscriber first(channels, "room");
  const Subscriber second(channels, "room");
  const Message message = prepared("one");
  deliver(channels, "room", message);
  EXPECT_EQ(first.messages, std::vector{message});
  EXPECT_EQ(second.messages, std::vector{message});
}

TEST(LoopChannels, DeliverNothingWhereNobodySubscribes) {
  LoopChannels channels;
  deliver(channels, "room", prepared("lost"));
  const Subscriber late(channels, "room");
  EXPECT_TRUE(late.payloads.empty());
}

TEST(LoopChannels, DeliverNothingToWhoHasLeft) {
  LoopChannels channels;
  // Of three in a row, each one once.
  for (int leaver = 0; leaver < 3; ++leaver) {
    std::vector<std::unique_ptr<Subscriber>> subscribers;
    for (int i = 0; i < 3; ++i)
      subscribers.push_back(std::make_unique<Subscriber>(channels, "room"));
    subscribers.erase(subscribers.begin() + leaver);
    deliver(channels, "room", prepared("for those who stay"));
    for (const auto& subscriber : subscribers) EXPECT_EQ(subscriber->payloads.size(), 1U);
  }
}

TEST(LoopChannels, BeginAnewAfterTheLastHasLeft) {
  LoopChannels channels;
  for (int i = 0; i < 3; ++i) {
    const Subscriber only(channels, "room");
    deliver(channels, "room", prepared("again"));
    EXPECT_EQ(only.payloads, Payloads{"again"});
  }
  deliver(channels, "room", prepared("lost"));
}

TEST(LoopChannels, TellASubscriptionItsChannel) {
  LoopChannels channels;
  std::string name = "a name that is too long to lie in a string itself";
  const Subscriber first(channels, name);
  const std::string known = name;
  name.assign(name.size(), 'x');
  EXPECT_EQ(first.channel(), known);
  std::vector<std::unique_ptr<Subscriber>> many;  // until the map has grown
  for (int i = 0; i < 1000; ++i)
    many.push_back(std::make_unique<Subscriber>(channels, std::to_string(i)));
  EXPECT_EQ(first.channel(), known);
}

TEST(LoopChannels, TakeAnyName) {
  LoopChannels channels;
  const std::string_view with_null("a\0b", 3);
  const Subscriber empty(channels, "");
  const Subscriber cut(channels, "a");
  const Subscriber whole(channels, with_null);
  deliver(channels, with_null, prepared("whole"));
  deliver(channels, "", prepared("empty"));
  EXPECT_EQ(empty.payloads, Payloads{"empty"});
  EXPECT_TRUE(cut.payloads.empty());
  EXPECT_EQ(whole.payloads, Payloads{"whole"});
}

/// Joins and leaves other channels while it is told.
class Mover final : public Subscription {
 public:
  explicit Mover(LoopChannels& channels) : Subscription(channels, "room"), channels_(channels) {}
  std::unique_ptr<Subscriber> other;

 private:
  void on_published(const Message&) override {
    if (other) {
      other.reset();
    } else {
      other = std::make_unique<Subscriber>(channels_, "hall");
    }
  }
  LoopChannels& channels_;
};

TEST(LoopChannels, LetOtherChannelsChangeDuringADelivery) {
  LoopChannels channels;
  const Mover mover(channels);
  const Subscriber behind(channels, "room");
  deliver(channels, "room", prepared("1"));
  deliver(channels, "hall", prepared("2"));
  ASSERT_TRUE(mover.other);
  EXPECT_EQ(mover.other->payloads, Payloads{"2"});
  deliver(channels, "room", prepared("3"));
  EXPECT_FALSE(mover.other);
  EXPECT_EQ(behind.payloads, (Payloads{"1", "3"}));
}

std::vector<std::unique_ptr<Subscriber>> crowd(LoopChannels& channels, int size) {
  std::vector<std::unique_ptr<Subscriber>> subscribers;
  for (int i = 0; i < size; ++i)
    subscribers.push_back(std::make_unique<Subscriber>(channels, "room"));
  return subscribers;
}

TEST(LoopChannels, ServeOnlySoManyAtOnce) {
  LoopChannels channels;
  const auto subscribers = crowd(channels, 5);
  const auto served = [&] {
    return std::count_if(subscribers.begin(), subscribers.end(),
                         [](const auto& subscriber) { return !subscriber->payloads.empty(); });
  };
  take(channels, "room", prepared("1"));
  EXPECT_TRUE(channels.give(2));
  EXPECT_EQ(served(), 2);
  EXPECT_TRUE(channels.give(2));
  EXPECT_EQ(served(), 4);
  EXPECT_FALSE(channels.give(2));
  EXPECT_EQ(served(), 5);
}

TEST(LoopChannels, GiveWhatWaitsTogether) {
  LoopChannels channels;
  const auto subscribers = crowd(channels, 3);
  take(channels, "room", prepared("1"));
  EXPECT_TRUE(channels.give(1));
  take(channels, "room", prepared("2"));
  take(channels, "room", prepared("3"));
  EXPECT_TRUE(channels.give(2));  // the others get the first
  for (const auto& subscriber : subscribers) EXPECT_EQ(subscriber->payloads, Payloads{"1"});
  EXPECT_TRUE(channels.give(1));
  EXPECT_EQ(subscribers.front()->payloads, (Payloads{"1", "2", "3"}));
  EXPECT_FALSE(channels.give(10));
  for (const auto& subscriber : subscribers)
    EXPECT_EQ(subscriber->payloads, (Payloads{"1", "2", "3"}));
}

TEST(LoopChannels, GiveNoMoreThanSixtyFourKilobytesTogether) {
  LoopChannels channels;
  const auto subscribers = crowd(channels, 2);
  for (int i = 0; i < 10; ++i) take(channels, "room", prepared(std::string(30'000, 'x')));
  EXPECT_TRUE(channels.give(1));
  EXPECT_EQ(subscribers.front()->payloads.size(), 3U);
  EXPECT_FALSE(channels.give(20));
  EXPECT_EQ(subscribers.back()->payloads.size(), 10U);
}

TEST(LoopChannels, KeepOneOrderForAllChannels) {
  LoopChannels channels;
  struct Both final : Subscription {
    Both(LoopChannels& channels, std::string_view channel, Payloads& all)
        : Subscription(channels, channel), payloads(all) {}
    void on_published(const Message& message) override { payloads.emplace_back(message->payload); }
    Payloads& payloads;
  };
  Payloads payloads;
  const Both room(channels, "room", payloads);
  const Both hall(channels, "hall", payloads);
  const auto others = crowd(channels, 10);
  for (int i = 0; i < 6; ++i)
    take(channels, i % 3 == 1 ? "hall" : "room", prepared(std::to_string(i)));
  while (channels.give(3)) {
  }
  EXPECT_EQ(payloads, (Payloads{"0", "1", "2", "3", "4", "5"}));
}

TEST(LoopChannels, GiveALateSubscriberNothingOfBefore) {
  LoopChannels channels;
  const auto subscribers = crowd(channels, 3);
  take(channels, "room", prepared("1"));
  EXPECT_TRUE(channels.give(1));
  take(channels, "room", prepared("2"));
  const Subscriber late(channels, "room");
  take(channels, "room", prepared("3"));
  EXPECT_FALSE(channels.give(100));
  EXPECT_EQ(late.payloads, Payloads{"3"});
  EXPECT_EQ(subscribers.back()->payloads, (Payloads{"1", "2", "3"}));
}

TEST(LoopChannels, LetSubscribersLeaveBetweenTurns) {
  constexpr int size = 5;
  for (int served = 1; served < size; ++served) {
    for (int leaver = 0; leaver < size; ++leaver) {
      SCOPED_TRACE(testing::Message() << served << " served, then " << leaver << " leaves");
      LoopChannels channels;
      auto subscribers = crowd(channels, size);
      take(channels, "room", prepared("1"));
      EXPECT_TRUE(channels.give(static_cast<std::size_t>(served)));
      subscribers.erase(subscribers.begin() + leaver);
      take(channels, "room", prepared("2"));
      EXPECT_FALSE(channels.give(100));
      for (const auto& subscriber : subscribers)
        EXPECT_EQ(subscriber->payloads, (Payloads{"1", "2"}));
    }
  }
}

TEST(LoopChannels, LetAllLeaveBetweenTurns) {
  LoopChannels channels;
  auto subscribers = crowd(channels, 5);
  const Subscriber elsewhere(channels, "hall");
  take(channels, "room", prepared("1"));
  take(channels, "hall", prepared("2"));
  EXPECT_TRUE(channels.give(2));
  subscribers.clear();
  const Subscriber late(channels, "room");
  EXPECT_FALSE(channels.give(100));
  EXPECT_TRUE(late.payloads.empty());
  EXPECT_EQ(elsewhere.payloads, Payloads{"2"});
}

TEST(LoopChannels, CountWhatIsUnderWay) {
  LoopChannels channels;
  const auto subscribers = crowd(channels, 2);
  const auto under_way = std::make_shared<std::atomic<std::size_t>>(0);
  channels.take(std::make_shared<const Publication>("room", prepared("1234567890"), under_way));
  EXPECT_TRUE(channels.give(1));
  EXPECT_EQ(under_way->load(), sizeof "room" - 1 + 10);
  EXPECT_FALSE(channels.give(2));
  EXPECT_EQ(under_way->load(), 0U);
}

}  // namespace
}  // namespace mod_ws::channels
