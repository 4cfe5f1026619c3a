#include "mod_ws/engine/event_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

namespace mod_ws::engine {
namespace {

using namespace std::chrono_literals;
using tests::LoopThread;

/// What the residents of a test tell it; touched on the loop's thread, or when it has ended.
struct Notes {
  int adopted = 0;
  int told_to_go = 0;
  int destroyed = 0;
};

class TestResident final : public Resident {
 public:
  TestResident(EventLoop& loop, Notes& notes, bool goes_when_told)
      : loop_(loop), notes_(notes), goes_when_told_(goes_when_told) {}
  ~TestResident() override { ++notes_.destroyed; }
  void on_adopted() override { ++notes_.adopted; }
  void go_away(const Farewell&) override {
    ++notes_.told_to_go;
    if (goes_when_told_) loop_.retire(*this);
  }

 private:
  EventLoop& loop_;
  Notes& notes_;
  bool goes_when_told_;
};

class TestWatcher final : public Watcher {
 public:
  explicit TestWatcher(std::function<void(Readiness)> action = {}) : action_(std::move(action)) {}
  void on_ready(Readiness ready) override {
    ++visits;
    last = ready;
    if (action_) action_(ready);
  }
  int visits = 0;
  Readiness last{};

 private:
  std::function<void(Readiness)> action_;
};

TestResident* adopt(LoopThread& thread, Notes& notes, bool goes_when_told = true) {
  auto resident = std::make_unique<TestResident>(thread.loop(), notes, goes_when_told);
  TestResident* const raw = resident.get();
  thread.loop().post_adoption(std::move(resident));
  return raw;
}

TEST(EventLoop, CountsResidentsFromThePostOn) {
  Notes notes;
  LoopThread thread;
  EXPECT_EQ(thread.loop().resident_count(), 0U);
  std::vector<TestResident*> residents;
  for (int i = 0; i < 5; ++i) residents.push_back(adopt(thread, notes));
  EXPECT_EQ(thread.loop().resident_count(), 5U);
  ASSERT_TRUE(thread.wait_until([&] { return notes.adopted == 5; }));
  // From the middle, the ends, and one twice.
  for (const std::size_t i : {2U, 0U, 4U, 4U, 1U, 3U}) {
    const int destroyed = notes.destroyed;
    if (i == 4U && destroyed == 3) continue;
    thread.call([&] {
      thread.loop().retire(*residents[i]);
      thread.loop().retire(*residents[i]);
      EXPECT_EQ(notes.destroyed, destroyed) << "not during the turn";
    });
    ASSERT_TRUE(thread.wait_until([&] { return notes.destroyed == destroyed + 1; }));
  }
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST(EventLoop, DestroysWhatStillLivesThere) {
  Notes notes;
  {
    LoopThread thread;
    for (int i = 0; i < 3; ++i) adopt(thread, notes, false);
    ASSERT_TRUE(thread.wait_until([&] { return notes.adopted == 3; }));
  }
  EXPECT_EQ(notes.told_to_go, 3);
  EXPECT_EQ(notes.destroyed, 3);
}

TEST(EventLoop, DestroysWhatIsLeftBeforeItsThreadEnds) {
  Notes notes;
  LoopThread thread;
  adopt(thread, notes, false);
  thread.call([] {});
  thread.halt();
  EXPECT_EQ(notes.destroyed, 1);
  EXPECT_EQ(thread.loop().resident_count(), 0U);
}

TEST(EventLoop, DestroysWhatItNeverAdopted) {
  Notes notes;
  {
    EventLoop loop({});
    loop.post_adoption(std::make_unique<TestResident>(loop, notes, false));
  }
  EXPECT_EQ(notes.adopted, 0);
  EXPECT_EQ(notes.destroyed, 1);
}

TEST(EventLoop, StopsAtOnceWhenTheLastHasGone) {
  Notes notes;
  LoopThread thread;
  for (int i = 0; i < 3; ++i) adopt(thread, notes, true);
  const auto before = Clock::now();
  thread.stop(60s);
  EXPECT_LT(Clock::now() - before, 30s);
  EXPECT_EQ(notes.told_to_go, 3);
  EXPECT_EQ(notes.destroyed, 3);
}

TEST(EventLoop, StopsAtTheEndOfTheGrace) {
  Notes notes;
  LoopThread thread;
  adopt(thread, notes, false);
  ASSERT_TRUE(thread.wait_until([&] { return notes.adopted == 1; }));
  const auto before = Clock::now();
  thread.stop(100ms);
  EXPECT_GE(Clock::now() - before, 99ms);
  EXPECT_EQ(notes.told_to_go, 1);
  EXPECT_EQ(notes.destroyed, 1);
}

TEST(EventLoop, TellsLatecomersToGo) {
  Notes notes;
  LoopThread thread;
  adopt(thread, notes, false);
  ASSERT_TRUE(thread.wait_until([&] { return notes.adopted == 1; }));
  thread.loop().post_stop(10s);
  TestResident* const late = adopt(thread, notes, false);
  ASSERT_TRUE(thread.wait_until([&] { return notes.told_to_go == 2; }));
  thread.call([&] { thread.loop().retire(*late); });
  ASSERT_TRUE(thread.wait_until([&] { return notes.destroyed == 1; }));
}

TEST(EventLoop, TellsWatchersWhatTheyAskedFor) {
  auto pair = tests::make_socket_pair();
  tests::Peer peer(std::move(pair.theirs));
  LoopThread thread;
  EventLoop& loop = thread.loop();
  const int fd = pair.ours.get();
  TestWatcher watcher([&](Readiness) { loop.change_interest(fd, Interest::none, watcher); });
  thread.call([&] { EXPECT_TRUE(loop.watch(fd, Interest::read, watcher)); });
  thread.call([&] { EXPECT_EQ(watcher.visits, 0); });
  peer.send({1});
  ASSERT_TRUE(thread.wait_until([&] { return watcher.visits == 1; }));
  thread.call([&] {
    EXPECT_TRUE(watcher.last.readable && !watcher.last.writable && !watcher.last.broken);
    loop.change_interest(fd, Interest::write, watcher);
  });
  ASSERT_TRUE(thread.wait_until([&] { return watcher.visits == 2; }));
  thread.call([&] {
    EXPECT_TRUE(!watcher.last.readable && watcher.last.writable);
    loop.change_interest(fd, Interest::read_write, watcher);
  });
  ASSERT_TRUE(thread.wait_until([&] { return watcher.visits == 3; }));
  thread.call([&] {
    EXPECT_TRUE(watcher.last.readable && watcher.last.writable);
    loop.unwatch(fd, watcher);
  });
  peer.close();
  thread.call([&] { EXPECT_EQ(watcher.visits, 3); });
}

TEST(EventLoop, TellsOfBrokenDescriptorsUnasked) {
  auto pair = tests::make_socket_pair();
  LoopThread thread;
  EventLoop& loop = thread.loop();
  const int fd = pair.ours.get();
  TestWatcher watcher([&](Readiness) { loop.unwatch(fd, watcher); });
  thread.call([&] { EXPECT_TRUE(loop.watch(fd, Interest::none, watcher)); });
  pair.theirs.reset();
  ASSERT_TRUE(thread.wait_until([&] { return watcher.visits == 1; }));
  EXPECT_TRUE(watcher.last.broken);
}

TEST(EventLoop, SaysWhenADescriptorCannotBeWatched) {
  LoopThread thread;
  TestWatcher watcher;
  thread.call([&] { EXPECT_FALSE(thread.loop().watch(-1, Interest::read, watcher)); });
}

TEST(EventLoop, VisitsAgainInTheNextTurn) {
  LoopThread thread;
  EventLoop& loop = thread.loop();
  int wanted = 5;
  TestWatcher watcher([&](Readiness) {
    if (--wanted > 0) loop.revisit(watcher);
  });
  thread.call([&] {
    loop.revisit(watcher);
    loop.revisit(watcher);  // once is enough
    EXPECT_EQ(watcher.visits, 0);
  });
  ASSERT_TRUE(thread.wait_until([&] { return watcher.visits == 5; }));
  thread.call([&] { EXPECT_EQ(watcher.visits, 5); });
  EXPECT_TRUE(watcher.last.readable);
}

TEST(EventLoop, DoesNotVisitTheUnwatched) {
  LoopThread thread;
  EventLoop& loop = thread.loop();
  auto pair = tests::make_socket_pair();
  auto victim = std::make_unique<TestWatcher>();
  TestWatcher killer([&](Readiness) {
    loop.unwatch(pair.ours.get(), *victim);
    victim.reset();
  });
  TestWatcher last;
  thread.call([&] {
    EXPECT_TRUE(loop.watch(pair.ours.get(), Interest::read, *victim));
    loop.revisit(killer);
    loop.revisit(*victim);
    loop.revisit(last);
  });
  ASSERT_TRUE(thread.wait_until([&] { return last.visits == 1; }));
  EXPECT_EQ(killer.visits, 1);
}

TEST(EventLoop, KeepsTheRetiredAliveForEventsAlreadyFetched) {
  // Both descriptors are ready in one turn; whoever comes first retires the other.
  struct Pair final : Resident, Watcher {
    Pair(EventLoop& its_loop, Notes& its_notes, base::UniqueFd its_socket)
        : loop(its_loop), notes(its_notes), socket(std::move(its_socket)) {}
    ~Pair() override { ++notes.destroyed; }
    void on_adopted() override {
      ++notes.adopted;
      EXPECT_TRUE(loop.watch(socket.get(), Interest::read, *this));
    }
    void go_away(const Farewell&) override {}
    void on_ready(Readiness) override {
      EXPECT_EQ(notes.destroyed, 0);
      for (Pair* const each : {this, other}) {
        loop.unwatch(each->socket.get(), *each);
        loop.retire(*each);
      }
    }
    EventLoop& loop;
    Notes& notes;
    base::UniqueFd socket;
    Pair* other = nullptr;
  };
  Notes notes;
  auto first_pair = tests::make_socket_pair();
  auto second_pair = tests::make_socket_pair();
  LoopThread thread;
  auto first = std::make_unique<Pair>(thread.loop(), notes, std::move(first_pair.ours));
  auto second = std::make_unique<Pair>(thread.loop(), notes, std::move(second_pair.ours));
  first->other = second.get();
  second->other = first.get();
  tests::Peer(std::move(first_pair.theirs)).send({1});
  tests::Peer(std::move(second_pair.theirs)).send({1});
  // From the loop itself, so that no turn comes between the two.
  thread.call([&] {
    thread.loop().post_adoption(std::move(first));
    thread.loop().post_adoption(std::move(second));
  });
  ASSERT_TRUE(thread.wait_until_empty());
  EXPECT_EQ(notes.adopted, 2);
  EXPECT_EQ(notes.destroyed, 2);
}

TEST(EventLoop, GoesOnWhenAWatcherATimerOrALetterThrows) {
  struct Thrower final : Timer {
    void on_timer() override { throw std::bad_alloc(); }
  };
  Thrower timer;
  TestWatcher thrower([](Readiness) { throw std::bad_alloc(); });
  TestWatcher behind;
  LoopThread thread;
  thread.loop().post([] { throw std::bad_alloc(); });
  thread.call([&] {
    thread.loop().set_timer(timer, 0ms);
    thread.loop().revisit(thrower);
    thread.loop().revisit(behind);
  });
  ASSERT_TRUE(thread.wait_until([&] { return behind.visits == 1 && !timer.is_set(); }));
  EXPECT_EQ(thrower.visits, 1);
}

TEST(EventLoop, RetiresASessionThatCannotBegin) {
  struct Unable final : Resident {
    explicit Unable(Notes& its_notes) : notes(its_notes) {}
    ~Unable() override { ++notes.destroyed; }
    void on_adopted() override { throw std::bad_alloc(); }
    void go_away(const Farewell&) override {}
    Notes& notes;
  };
  Notes notes;
  LoopThread thread;
  thread.loop().post_adoption(std::make_unique<Unable>(notes));
  ASSERT_TRUE(thread.wait_until_empty());
  EXPECT_EQ(notes.destroyed, 1);
}

TEST(EventLoop, WatchesWhatAnotherThreadHasReserved) {
  auto pair = tests::make_socket_pair();
  TestWatcher watcher;
  LoopThread thread;
  EventLoop& loop = thread.loop();
  ASSERT_TRUE(loop.reserve_watch(pair.ours.get()));
  tests::Peer(std::move(pair.theirs)).send({1});
  thread.call([&] {
    EXPECT_EQ(watcher.visits, 0);
    EXPECT_TRUE(loop.watch_reserved(pair.ours.get(), Interest::read, watcher));
  });
  EXPECT_TRUE(thread.wait_until([&] { return watcher.visits > 0; }));
  thread.call([&] { loop.unwatch(pair.ours.get(), watcher); });
}

TEST(EventLoop, FiresTimersWhileNothingElseHappens) {
  struct Once final : Timer {
    void on_timer() override { fired_at = Clock::now(); }
    Clock::time_point fired_at{};
  };
  Once timer;
  LoopThread thread;
  const auto before = Clock::now();
  auto fired = std::make_shared<std::promise<void>>();
  struct Fulfil final : Timer {
    void on_timer() override { promise->set_value(); }
    std::shared_ptr<std::promise<void>> promise;
  };
  Fulfil last;
  last.promise = fired;
  thread.call([&] {
    thread.loop().set_timer(timer, 30ms);
    thread.loop().set_timer(last, 60ms);
  });
  ASSERT_EQ(fired->get_future().wait_for(tests::patience), std::future_status::ready);
  thread.call([&] {
    // The loop's clock is that of the turn's beginning, which lies before the call.
    EXPECT_GE(timer.fired_at - before, 29ms);
  });
  thread.stop();
}

}  // namespace
}  // namespace mod_ws::engine
