#include "mod_ws/channels/mesh_table.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/deadline.h"

namespace mod_ws::channels {
namespace {

class MeshTableTest : public testing::Test {
 protected:
  std::unique_ptr<MeshTable, MeshTable::Unmap> table_ = MeshTable::create();
};

TEST_F(MeshTableTest, ConnectsEachMemberToAllBefore) {
  std::vector<MeshTable::Membership> members;
  for (std::size_t before = 0; before < 5; ++before) {
    EXPECT_EQ(table_->joined(), before);
    members.push_back(table_->join());
    EXPECT_TRUE(members.back().listener);
    EXPECT_EQ(members.back().earlier.size(), before);
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(table_->accept_later(members[i].listener.get()).members.size(), 4 - i);
    EXPECT_TRUE(table_->accept_later(members[i].listener.get()).members.empty());
  }
}

TEST_F(MeshTableTest, JoinsTheEndsOfAConnection) {
  const auto first = table_->join();
  const auto second = table_->join();
  const auto accepted = table_->accept_later(first.listener.get()).members;
  ASSERT_EQ(accepted.size(), 1U);
  char byte = 'x';
  ASSERT_EQ(::send(accepted[0].get(), &byte, 1, 0), 1);
  ASSERT_EQ(::recv(second.earlier[0].get(), &byte, 1, 0), 1) << "and nothing of the secret";
  ASSERT_EQ(::send(second.earlier[0].get(), &byte, 1, 0), 1);
  ASSERT_EQ(::recv(accepted[0].get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(MeshTableTest, GivesTheAddressOfADeadMemberToTheNext) {
  auto first = table_->join();
  const auto second = table_->join();
  first = {};
  const auto third = table_->join();
  EXPECT_EQ(third.earlier.size(), 1U) << "the second one";
  EXPECT_EQ(table_->joined(), 3U);
  const auto fourth = table_->join();
  EXPECT_EQ(fourth.earlier.size(), 2U);
  EXPECT_EQ(table_->accept_later(third.listener.get()).members.size(), 1U);
  EXPECT_EQ(table_->accept_later(second.listener.get()).members.size(), 2U);
}

TEST_F(MeshTableTest, SeparatesServers) {
  const auto other = MeshTable::create();
  const auto first = table_->join();
  const auto stranger = other->join();
  EXPECT_TRUE(stranger.listener);
  EXPECT_TRUE(stranger.earlier.empty());
}

/// Connects to a member as somebody who is none.
base::UniqueFd connect_to(const base::UniqueFd& listener) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  return socket;
}

bool has_ended(const base::UniqueFd& socket) {
  char byte;
  return ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

TEST_F(MeshTableTest, RefusesWhoDoesNotKnowTheSecret) {
  const auto member = table_->join();
  for (const std::size_t size : {0U, 1U, 31U, 32U, 64U}) {
    SCOPED_TRACE(size);
    const auto stranger = connect_to(member.listener);
    const std::vector<char> wrong(size, 'x');
    ASSERT_EQ(::send(stranger.get(), wrong.data(), wrong.size(), 0),
              static_cast<ssize_t>(wrong.size()));
    EXPECT_TRUE(table_->accept_later(member.listener.get()).members.empty());
    EXPECT_TRUE(has_ended(stranger));
  }
}

TEST_F(MeshTableTest, AcceptsMembersBehindAStranger) {
  const auto first = table_->join();
  const auto stranger = connect_to(first.listener);
  const auto second = table_->join();
  EXPECT_EQ(table_->accept_later(first.listener.get()).members.size(), 1U);
}

// ---- several processes

/// A child that joins when it is told, says how many it is connected to, and waits.
class JoiningChild {
 public:
  JoiningChild(MeshTable& table, int go) {
    int pipe[2];
    if (::pipe(pipe) != 0) throw std::bad_alloc();
    process_ = ::fork();
    if (process_ == 0) {
      serve(table, go, pipe[1]);
      ::_exit(0);
    }
    said_ = base::UniqueFd(pipe[0]);
    ::close(pipe[1]);
  }
  JoiningChild(JoiningChild&&) = default;
  ~JoiningChild() {
    if (!said_) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  std::size_t next_number() {
    std::size_t number = 0;
    pollfd poll{.fd = said_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&poll, 1, 10'000), 1);
    EXPECT_EQ(::read(said_.get(), &number, sizeof number), static_cast<ssize_t>(sizeof number));
    return number;
  }

 private:
  static void say(int out, std::size_t number) {
    [[maybe_unused]] const auto written = ::write(out, &number, sizeof number);
  }
  static void serve(MeshTable& table, int go, int out) {
    char byte;
    [[maybe_unused]] const auto told = ::read(go, &byte, 1);
    const auto membership = table.join();
    say(out, membership.earlier.size());
    std::size_t accepted = 0;
    // All the while, as a mesh does: others are in the middle of joining.
    for (std::size_t said = 0;;) {
      pollfd poll{.fd = membership.listener.get(), .events = POLLIN, .revents = 0};
      ::poll(&poll, 1, -1);
      accepted += table.accept_later(membership.listener.get()).members.size();
      if (accepted != said) say(out, said = accepted);
    }
  }

  pid_t process_ = -1;
  base::UniqueFd said_;
};

TEST_F(MeshTableTest, GivesEveryTwoOfManyProcessesThatJoinAtOnceOneConnection) {
  constexpr std::size_t child_count = 8;
  for (int round = 0; round < 10; ++round) {
    table_ = MeshTable::create();
    int go[2];
    ASSERT_EQ(::pipe(go), 0);
    std::vector<JoiningChild> children;
    for (std::size_t i = 0; i < child_count; ++i) children.emplace_back(*table_, go[0]);
    const std::vector<char> starts(child_count, 'x');
    ASSERT_EQ(::write(go[1], starts.data(), starts.size()), static_cast<ssize_t>(child_count));
    for (JoiningChild& child : children) {
      const std::size_t earlier = child.next_number();
      std::size_t later = 0;
      while (earlier + later + 1 < child_count) {
        const std::size_t now = child.next_number();
        if (now <= later) break;
        later = now;
      }
      EXPECT_EQ(earlier + later, child_count - 1);
    }
    ::close(go[0]);
    ::close(go[1]);
  }
}

TEST_F(MeshTableTest, OutlivesAMemberThatDiesWhileItJoins) {
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      while (true) table_->join();
    }
    const auto before = table_->joined();
    const auto end = tests::deadline();
    while (table_->joined() == before && std::chrono::steady_clock::now() < end) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto first = table_->join();
    const auto second = table_->join();
    EXPECT_TRUE(first.listener);
    EXPECT_EQ(second.earlier.size(), 1U);
    EXPECT_EQ(table_->accept_later(first.listener.get()).members.size(), 1U);
  }
}

}  // namespace
}  // namespace mod_ws::channels
