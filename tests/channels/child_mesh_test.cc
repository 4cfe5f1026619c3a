#include "mod_ws/channels/child_mesh.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <future>
#include <map>
#include <optional>
#include <thread>

#include "tests/support/log_lines.h"
#include "tests/support/mesh_member.h"
#include "tests/support/peer.h"

namespace mod_ws::channels {
namespace {

using namespace std::chrono_literals;
using tests::MeshMember;
using Payloads = std::vector<std::string>;

class ChildMeshTest : public testing::Test {
 protected:
  std::unique_ptr<MeshTable, MeshTable::Unmap> table_ = MeshTable::create();
};

TEST_F(ChildMeshTest, TakesWhatIsPublishedToEveryOtherMember) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  MeshMember third(*table_);
  first.publish("of the first");
  ASSERT_TRUE(second.wait_for(1));
  ASSERT_TRUE(third.wait_for(1));
  third.publish("\xFF", ws::MessageType::binary);
  ASSERT_TRUE(first.wait_for(1));
  ASSERT_TRUE(second.wait_for(2));
  EXPECT_EQ(first.payloads(), Payloads{"\xFF"}) << "and not its own";
  EXPECT_EQ(third.payloads(), Payloads{"of the first"});
  EXPECT_EQ(second.payloads(), (Payloads{"of the first", "\xFF"}));
  EXPECT_EQ(second.received[0]->channel(), "room");
  EXPECT_EQ(second.received[0]->message()->type, ws::MessageType::text);
  EXPECT_EQ(second.received[1]->message()->type, ws::MessageType::binary);
}

TEST_F(ChildMeshTest, DoesNothingWithAPublicationWhereNobodySubscribes) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  MeshMember third(*table_);
  second.subscribers = 0;
  first.publish("not for the second");
  ASSERT_TRUE(third.wait_for(1));
  EXPECT_EQ(first.count_elsewhere("room"), 1U) << "answered after the publication";
  EXPECT_TRUE(second.payloads().empty());
}

TEST_F(ChildMeshTest, PublishesAloneToNobody) {
  MeshMember only(*table_);
  only.publish("lost");
  EXPECT_EQ(only.count_elsewhere("room"), 0U);
  EXPECT_TRUE(only.payloads().empty());
}

TEST_F(ChildMeshTest, ReachesAMemberThatJoinedJustBefore) {
  MeshMember first(*table_);
  for (int i = 0; i < 20; ++i) {
    MeshMember next(*table_);
    first.publish("welcome");
    EXPECT_TRUE(next.wait_for(1));
  }
}

TEST_F(ChildMeshTest, KeepsTheOrder) {
  constexpr std::size_t count = 2000;
  MeshMember first(*table_);
  MeshMember second(*table_);
  for (std::size_t i = 0; i < count; ++i) first.publish(std::to_string(i));
  ASSERT_TRUE(second.wait_for(count));
  const Payloads payloads = second.payloads();
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(payloads[i], std::to_string(i));
}

TEST_F(ChildMeshTest, TakesALargeMessageWhole) {
  const std::string large = tests::text_of(tests::pattern(10 << 20));
  MeshMember first(*table_);
  MeshMember second(*table_);
  first.publish(large, ws::MessageType::binary);
  first.publish("behind");
  ASSERT_TRUE(second.wait_for(2));
  EXPECT_TRUE(second.received[0]->message()->payload == large);
  EXPECT_EQ(second.received[1]->message()->payload, "behind");
}

TEST_F(ChildMeshTest, ForgetsADeadMember) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  second.subscribers = 5;
  {
    MeshMember dead(*table_);
    dead.publish("last words");
    ASSERT_TRUE(first.wait_for(1));
  }
  first.publish("of the first");
  EXPECT_TRUE(second.wait_for(2));
  // One that is still asked would cost a second each.
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(first.count_elsewhere("room"), 5U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2500ms);
}

/// A member in another process, which says when it has got so many publications. It joins once it
/// is told to, where there is an `in`.
pid_t fork_member(MeshTable& table, std::size_t count, int out, int in = -1) {
  const pid_t process = ::fork();
  if (process != 0) return process;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a failed test leaves nobody behind
  {
    char go_on;
    if (in >= 0 && ::read(in, &go_on, 1) != 1) ::_exit(1);
    MeshMember member(table);
    member.subscribers = 10;
    member.publish("hello of " + std::to_string(::getpid()));
    const char result = member.wait_for(count) ? 'y' : 'n';
    [[maybe_unused]] const auto told = ::write(out, &result, 1);
    while (true) ::pause();
  }
}

TEST_F(ChildMeshTest, JoinsProcessesThatBeginAtOnce) {
  constexpr std::size_t child_count = 4;
  int results[2];
  ASSERT_EQ(::pipe(results), 0);
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < child_count; ++i)
    children.push_back(fork_member(*table_, 1, results[1]));
  {
    MeshMember parent(*table_);
    // Until all are there.
    ASSERT_TRUE(parent.thread.wait_until([&] { return table_->joined() == child_count + 1; }));
    parent.publish("to all");
    for (std::size_t i = 0; i < child_count; ++i) {
      char result = 'n';
      ASSERT_EQ(::read(results[0], &result, 1), 1);
      EXPECT_EQ(result, 'y');
    }
    EXPECT_EQ(parent.count_elsewhere("room"), 10 * child_count);
    // Killed, they are missed by nobody.
    for (const pid_t child : children) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    EXPECT_EQ(parent.count_elsewhere("room"), 0U);
  }
  ::close(results[0]);
  ::close(results[1]);
}

/// A process that has no descriptors left.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const base::UniqueFd next(::dup(0));
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// The processor time that a loop's thread uses while it has nothing to do.
class IdleTime final : public engine::Timer {
 public:
  IdleTime(engine::EventLoop& loop, std::chrono::milliseconds time) { loop.set_timer(*this, time); }
  std::future<std::chrono::nanoseconds> used() { return used_.get_future(); }

 private:
  static std::chrono::nanoseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
  void on_timer() override { used_.set_value(now() - begin_); }

  const std::chrono::nanoseconds begin_ = now();
  std::promise<std::chrono::nanoseconds> used_;
};

TEST_F(ChildMeshTest, WaitsForDescriptorsForANewMemberWithoutBeingBusy) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's look at a vptr needs a descriptor; ThreadSanitizer's run has it";
#endif
  int go_on[2];
  int results[2];
  ASSERT_EQ(::pipe(go_on) + ::pipe(results), 0);
  const pid_t child = fork_member(*table_, 1, results[1], go_on[0]);
  const tests::LogLines log;
  MeshMember parent(*table_);
  auto& thread = parent.thread;
  thread.call([] {});
  std::optional<NoDescriptors> none(std::in_place);
  ASSERT_EQ(::write(go_on[1], "g", 1), 1);
  ASSERT_TRUE(log.wait_for(1));
  parent.publish("to nobody");
  auto idle = thread.call([&] { return std::make_unique<IdleTime>(thread.loop(), 500ms); });
  EXPECT_LT(idle->used().get(), 100ms);
  EXPECT_EQ(log.all().size(), 1U);
  EXPECT_NE(log.all()[0].find("Too many open files"), std::string::npos);
  // What is published does not wait for the next try.
  thread.call([&] {
    none.reset();
    parent.publish("welcome");
  });
  char result = 'n';
  ASSERT_EQ(::read(results[0], &result, 1), 1);
  EXPECT_EQ(result, 'y');
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (const int fd : {go_on[0], go_on[1], results[0], results[1]}) ::close(fd);
}

TEST_F(ChildMeshTest, GivesEachMessageOnceToEachOfManyThatJoinAtOnce) {
  constexpr std::size_t member_count = 12;
  for (int round = 0; round < 5; ++round) {
    table_ = MeshTable::create();
    MeshMember first(*table_);
    std::vector<std::unique_ptr<MeshMember>> members(member_count);
    std::vector<std::thread> threads;
    for (auto& member : members)
      threads.emplace_back([&] { member = std::make_unique<MeshMember>(*table_); });
    // Those before look who has come whenever they publish.
    while (table_->joined() < member_count + 1) first.publish("early");
    for (std::thread& thread : threads) thread.join();
    for (auto& member : members) member->publish("late");
    for (auto& member : members) {
      const bool has_all = member->thread.wait_until([&] {
        return std::count_if(member->received.begin(), member->received.end(), [](const auto& one) {
                 return one->message()->payload == "late";
               }) == member_count - 1;
      });
      EXPECT_TRUE(has_all);
    }
    EXPECT_TRUE(first.wait_for(member_count));
    const Payloads payloads = first.payloads();
    EXPECT_EQ(payloads, Payloads(member_count, "late"));
  }
}

/// The payload of the next publication that a connection brings; nothing when none comes.
std::optional<std::string> receive_publication(tests::Peer& connection) {
  auto bytes = connection.receive(serialize({.channel = {}, .payload = {}}).size());
  std::uint64_t payload_bytes = 0;
  std::memcpy(&payload_bytes, &bytes.at(8), sizeof payload_bytes);
  tests::operator+=(bytes, connection.receive(std::string_view("room").size() + payload_bytes));
  std::span<const std::uint8_t> input = bytes;
  const auto frame = parse_mesh_frame(input);
  return frame ? std::optional(std::string(frame->payload)) : std::nullopt;
}

TEST_F(ChildMeshTest, IsNotHeldUpByAMemberThatReadsNothing) {
  const auto stuck = table_->join();
  const tests::LogLines log;
  MeshMember first(*table_);
  MeshMember second(*table_);
  const std::string large(4 << 20, 'x');
  constexpr std::size_t count = 20;
  static_assert(count * (4 << 20) > ChildMesh::max_queued_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    first.publish(large);
    ASSERT_TRUE(second.wait_for(i + 1));
  }
  // For the one that reads nothing some are left out, each as a whole, until it has read.
  auto sockets = table_->accept_later(stuck.listener.get()).members;
  ASSERT_EQ(sockets.size(), 2U);
  tests::Peer reader(std::move(sockets[0]));
  constexpr std::size_t kept = ChildMesh::max_queued_bytes / (4 << 20);
  for (std::size_t i = 0; i < kept; ++i) ASSERT_EQ(receive_publication(reader), large);
  first.publish("heard again");
  const auto next = receive_publication(reader);
  EXPECT_EQ(next == large ? receive_publication(reader) : next, "heard again");
  ASSERT_EQ(log.all().size(), 1U) << "however many are left out";
  EXPECT_TRUE(log.all()[0].ends_with("last said: 1"));
}

TEST_F(ChildMeshTest, LeavesNothingBehindWhenItEndsAfterAFlush) {
  const std::string large(4 << 20, 'x');
  const auto late = table_->join();
  std::optional<MeshMember> first(std::in_place, *table_);
  first->publish(large);
  first->mesh().flush(1ms);  // in vain: nobody reads
  auto sockets = table_->accept_later(late.listener.get()).members;
  ASSERT_EQ(sockets.size(), 1U);
  tests::Peer reader(std::move(sockets[0]));
  std::thread ender([&] {
    first->mesh().flush(tests::patience);
    first.reset();
  });
  EXPECT_EQ(receive_publication(reader), large);
  ender.join();
  EXPECT_TRUE(reader.receives_end());
}

TEST_F(ChildMeshTest, DoesNotWaitForAMemberThatEndsBeforeItHasReadAll) {
  auto sockets = table_->join();
  MeshMember first(*table_);
  first.publish(std::string(4 << 20, 'x'));
  std::thread ender([&] {
    first.mesh().flush(1ms);
    sockets = {};
  });
  const auto begin = std::chrono::steady_clock::now();
  first.mesh().flush(tests::patience);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, tests::patience / 2);
  ender.join();
}

/// Connects to the address of the member at the other end.
tests::Peer connect_to_member(const base::UniqueFd& connection) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  return tests::Peer(std::move(socket));
}

TEST_F(ChildMeshTest, RefusesAStrangerAtOnce) {
  MeshMember first(*table_);
  const auto member = table_->join();
  ASSERT_EQ(member.earlier.size(), 1U);
  for (const std::size_t size : {0U, 32U}) {
    auto stranger = connect_to_member(member.earlier[0]);
    // It may have been refused before it says anything.
    stranger.send_some(tests::Bytes(size, 'x'), std::chrono::milliseconds(100));
    // Nobody joins, and nothing is published, which would make the member look.
    EXPECT_TRUE(stranger.receives_end());
  }
}

TEST_F(ChildMeshTest, TellsAStrangerNothing) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  const auto member = table_->join();
  auto stranger = connect_to_member(member.earlier[0]);
  first.publish("for members only");
  EXPECT_TRUE(second.wait_for(1));
  EXPECT_TRUE(stranger.receives_end());
}

}  // namespace
}  // namespace mod_ws::channels
