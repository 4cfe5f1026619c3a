#include "mod_ws/channels/exchange.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/support/log_lines.h"
#include "tests/support/loop_thread.h"
#include "tests/support/subscriber.h"

namespace mod_ws::channels {
namespace {

using tests::LoopThread;
using tests::prepared;
using tests::Subscriber;
using Payloads = std::vector<std::string>;

/// What an exchange gives to other processes.
struct BusNotes {
  std::mutex mutex;
  Payloads published;
  std::size_t elsewhere = 0;
  Bus::Receiver* receiver = nullptr;
};

class FakeBus final : public Bus {
 public:
  explicit FakeBus(BusNotes& notes) : notes_(notes) {}

  void start(Receiver& receiver) override { notes_.receiver = &receiver; }
  void publish(SharedPublication publication) override {
    const std::lock_guard lock(notes_.mutex);
    notes_.published.push_back(std::string(publication->channel()) + ": " +
                               std::string(publication->message()->payload));
  }
  void count_elsewhere(std::string_view, Counted counted) override { counted(notes_.elsewhere); }
  void ask_elsewhere(std::string_view request, Answered answered) override {
    answered({"elsewhere: " + std::string(request)});
  }
  void flush(std::chrono::milliseconds) override {}

 private:
  BusNotes& notes_;
};

/// An exchange of two loops.
class ExchangeTest : public testing::Test {
 protected:
  ~ExchangeTest() override {
    for (auto& [loop, subscribers] : subscribers_)
      loop->call([&subscribers = subscribers] { subscribers.clear(); });
  }

  Subscriber& subscribe(LoopThread& loop, std::string_view channel) {
    return *loop.call([&] {
      auto& mine = subscribers_[&loop];
      mine.push_back(std::make_unique<Subscriber>(loop.loop().local<LoopChannels>(), channel));
      return mine.back().get();
    });
  }
  void leave(LoopThread& loop, Subscriber& subscriber) {
    loop.call([&] {
      std::erase_if(subscribers_[&loop],
                    [&](const auto& known) { return known.get() == &subscriber; });
    });
  }
  Payloads payloads(LoopThread& loop, Subscriber& subscriber) {
    loop.call([] {});  // what is published reaches subscribers at the end of the turn
    return loop.call([&] { return subscriber.payloads; });
  }
  std::size_t count(std::string_view channel) {
    std::size_t counted = 4711;
    exchange_->count(channel, [&](std::size_t count) { counted = count; });
    return counted;
  }

  BusNotes bus_;
  std::map<LoopThread*, std::vector<std::unique_ptr<Subscriber>>> subscribers_{};
  LoopThread first_;
  LoopThread second_;
  std::unique_ptr<Exchange> exchange_ = std::make_unique<Exchange>(
      std::vector{&first_.loop(), &second_.loop()}, std::make_unique<FakeBus>(bus_));
};

TEST_F(ExchangeTest, DeliversOnEveryLoop) {
  auto& here = subscribe(first_, "room");
  auto& beside = subscribe(first_, "room");
  auto& there = subscribe(second_, "room");
  auto& elsewhere = subscribe(second_, "hall");
  exchange_->publish("room", prepared("one"));
  exchange_->publish("room", prepared("two"));
  const Payloads both{"one", "two"};
  EXPECT_EQ(payloads(first_, here), both);
  EXPECT_EQ(payloads(first_, beside), both);
  EXPECT_EQ(payloads(second_, there), both);
  EXPECT_EQ(payloads(second_, elsewhere), Payloads{});
}

TEST_F(ExchangeTest, WakesNoLoopWithoutASubscriber) {
  subscribe(first_, "room");
  const Message message = prepared("one");
  exchange_->publish("room", message);
  first_.call([] {});
  first_.call([] {});
  // It lies here and with the one subscriber.
  EXPECT_EQ(message.use_count(), 2);
}

TEST_F(ExchangeTest, DeliversNothingToWhoHasLeft) {
  auto& leaver = subscribe(first_, "room");
  auto& stayer = subscribe(first_, "room");
  leave(first_, leaver);
  exchange_->publish("room", prepared("one"));
  EXPECT_EQ(payloads(first_, stayer), Payloads{"one"});
  leave(first_, stayer);
  exchange_->publish("room", prepared("two"));
  first_.call([] {});
}

TEST_F(ExchangeTest, CountsSubscriptionsOfAllLoopsAndProcesses) {
  EXPECT_EQ(count("room"), 0U);
  auto& first = subscribe(first_, "room");
  auto& second = subscribe(first_, "room");
  auto& third = subscribe(second_, "room");
  subscribe(second_, "hall");
  EXPECT_EQ(count("room"), 3U);
  EXPECT_EQ(bus_.receiver->count_here("room"), 3U);
  bus_.elsewhere = 40;
  EXPECT_EQ(count("room"), 43U);
  EXPECT_EQ(bus_.receiver->count_here("room"), 3U);
  bus_.elsewhere = 0;
  leave(first_, second);
  EXPECT_EQ(count("room"), 2U);
  leave(second_, third);
  EXPECT_EQ(count("room"), 1U);
  leave(first_, first);
  EXPECT_EQ(count("room"), 0U);
  EXPECT_EQ(count("hall"), 1U);
}

TEST_F(ExchangeTest, GivesToTheBusWhatIsPublishedHere) {
  exchange_->publish("room", prepared("nobody here"));
  subscribe(first_, "room");
  exchange_->publish("room", prepared("somebody"));
  EXPECT_EQ(bus_.published, (Payloads{"room: nobody here", "room: somebody"}));
}

TEST_F(ExchangeTest, KeepsToItselfWhatTheBusBrings) {
  auto& subscriber = subscribe(second_, "room");
  bus_.receiver->deliver_here("room", prepared("from elsewhere"));
  EXPECT_EQ(payloads(second_, subscriber), Payloads{"from elsewhere"});
  EXPECT_TRUE(bus_.published.empty());
}

TEST_F(ExchangeTest, WorksWithoutABus) {
  first_.call([] {});  // the loops know the one before
  second_.call([] {});
  exchange_ = std::make_unique<Exchange>(std::vector{&first_.loop(), &second_.loop()}, nullptr);
  auto& subscriber = subscribe(second_, "room");
  exchange_->publish("room", prepared("one"));
  EXPECT_EQ(payloads(second_, subscriber), Payloads{"one"});
  EXPECT_EQ(count("room"), 1U);
}

/// "PUBLISHER NUMBER", behind what a bus notes, of each publisher stand in order.
void expect_all_in_order(const Payloads& payloads, int publishers, int each) {
  ASSERT_EQ(payloads.size(), static_cast<std::size_t>(publishers * each));
  std::map<std::string, int> next;
  for (const std::string& payload : payloads) {
    const auto space = payload.rfind(' ');
    EXPECT_EQ(std::stoi(payload.substr(space)), next[payload.substr(0, space)]++);
  }
}

TEST_F(ExchangeTest, KeepsTheOrderOfEachOfManyPublishersAndTheSameOnAllLoops) {
  constexpr int publishers = 4;
  constexpr int each = 500;
  auto& here = subscribe(first_, "hall");
  auto& there = subscribe(second_, "hall");
  std::vector<std::thread> threads;
  for (int publisher = 0; publisher < publishers; ++publisher) {
    threads.emplace_back([this, publisher] {
      for (int i = 0; i < each; ++i)
        exchange_->publish("hall", prepared(std::to_string(publisher) + " " + std::to_string(i)));
    });
  }
  // Meanwhile others come and go.
  for (int i = 0; i < 100; ++i) {
    leave(first_, subscribe(first_, "hall"));
    leave(second_, subscribe(second_, "room"));
  }
  for (std::thread& thread : threads) thread.join();
  const Payloads all = payloads(first_, here);
  expect_all_in_order(all, publishers, each);
  EXPECT_EQ(payloads(second_, there), all);
  EXPECT_EQ(count("hall"), 2U);
  expect_all_in_order(bus_.published, publishers, each);
}

class Forgetful final : public Subscription {
 public:
  using Subscription::Subscription;

 private:
  void on_published(const Message&) override {}
};

TEST_F(ExchangeTest, SaysSeldomHowMuchItDropsUnderOverload) {
  const tests::LogLines log;
  auto subscriber = first_.call(
      [&] { return std::make_unique<Forgetful>(first_.loop().local<LoopChannels>(), "room"); });
  const Message large = prepared(std::string(Exchange::max_bytes_under_way + 1, 'x'));
  for (int i = 0; i < 5; ++i) {
    std::promise<void> go_on;
    first_.loop().post([held = go_on.get_future().share()] { held.wait(); });
    EXPECT_TRUE(exchange_->publish("room", large));
    EXPECT_FALSE(exchange_->publish("room", prepared("one too many")));
    go_on.set_value();
    // Until it has been delivered, and there is room again.
    EXPECT_TRUE(first_.wait_until([&] { return exchange_->publish("hall", prepared("nobody")); }));
  }
  ASSERT_EQ(log.all().size(), 1U);
  EXPECT_TRUE(log.all()[0].ends_with("last said: 1, the last one to channel room"));
  first_.call([&] { subscriber.reset(); });
}

TEST_F(ExchangeTest, TakesNothingWhileTooMuchIsUnderWay) {
  auto& subscriber = subscribe(first_, "room");
  std::promise<void> go_on;
  first_.loop().post([held = go_on.get_future().share()] { held.wait(); });
  const std::string large(Exchange::max_bytes_under_way / 2, 'x');
  EXPECT_TRUE(exchange_->publish("room", prepared("the first")));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(exchange_->publish("room", prepared(large)));
  EXPECT_FALSE(exchange_->publish("room", prepared("one too many")));
  EXPECT_FALSE(exchange_->publish("hall", prepared("and here")));
  go_on.set_value();
  EXPECT_EQ(payloads(first_, subscriber).size(), 3U);
  EXPECT_TRUE(exchange_->publish("room", prepared("room again")));
  EXPECT_EQ(payloads(first_, subscriber).back(), "room again");
  EXPECT_EQ(bus_.published.size(), 4U);
}

TEST_F(ExchangeTest, AsksThisProcessAndTheOthers) {
  exchange_ =
      std::make_unique<Exchange>(std::vector{&first_.loop()}, std::make_unique<FakeBus>(bus_),
                                 [](std::string_view request, const Bus::Reply& reply) {
                                   reply("here: " + std::string(request));
                                 });
  Payloads answers;
  exchange_->ask("who?", [&](const Payloads& some) {
    answers.insert(answers.end(), some.begin(), some.end());
  });
  EXPECT_EQ(answers, (Payloads{"elsewhere: who?", "here: who?"}));
}

}  // namespace
}  // namespace mod_ws::channels
