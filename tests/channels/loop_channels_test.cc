#include "mod_ws/channels/loop_channels.h"

#include <gtest/gtest.h>

#include "tests/support/subscriber.h"

namespace mod_ws::channels {
namespace {

using tests::prepared;
using tests::Subscriber;
using Payloads = std::vector<std::string>;

TEST(LoopChannels, DeliverToAllWhoSubscribe) {
  LoopChannels channels;
  const Subscriber first(channels, "room");
  const Subscriber second(channels, "room");
  const Subscriber elsewhere(channels, "hall");
  channels.deliver("room", prepared("1"));
  channels.deliver("room", prepared("2"));
  EXPECT_EQ(first.payloads, (Payloads{"1", "2"}));
  EXPECT_EQ(second.payloads, first.payloads);
  EXPECT_TRUE(elsewhere.payloads.empty());
}

TEST(LoopChannels, ShareTheMessage) {
  LoopChannels channels;
  const Subscriber first(channels, "room");
  const Subscriber second(channels, "room");
  const Message message = prepared("one");
  channels.deliver("room", message);
  EXPECT_EQ(first.messages, std::vector{message});
  EXPECT_EQ(second.messages, std::vector{message});
}

TEST(LoopChannels, DeliverNothingWhereNobodySubscribes) {
  LoopChannels channels;
  channels.deliver("room", prepared("lost"));
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
    channels.deliver("room", prepared("for those who stay"));
    for (const auto& subscriber : subscribers) EXPECT_EQ(subscriber->payloads.size(), 1U);
  }
}

TEST(LoopChannels, BeginAnewAfterTheLastHasLeft) {
  LoopChannels channels;
  for (int i = 0; i < 3; ++i) {
    const Subscriber only(channels, "room");
    channels.deliver("room", prepared("again"));
    EXPECT_EQ(only.payloads, Payloads{"again"});
  }
  channels.deliver("room", prepared("lost"));
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
  channels.deliver(with_null, prepared("whole"));
  channels.deliver("", prepared("empty"));
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
  channels.deliver("room", prepared("1"));
  channels.deliver("hall", prepared("2"));
  ASSERT_TRUE(mover.other);
  EXPECT_EQ(mover.other->payloads, Payloads{"2"});
  channels.deliver("room", prepared("3"));
  EXPECT_FALSE(mover.other);
  EXPECT_EQ(behind.payloads, (Payloads{"1", "3"}));
}

}  // namespace
}  // namespace mod_ws::channels
