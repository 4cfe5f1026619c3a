// What the members of a mesh ask each other.

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/mesh_member.h"

namespace mod_ws::channels {
namespace {

using namespace std::chrono_literals;
using tests::MeshMember;

class MeshQuestions : public testing::Test {
 protected:
  std::unique_ptr<MeshTable, MeshTable::Unmap> table_ = MeshTable::create();
};

TEST_F(MeshQuestions, CountsWithoutAMemberThatDoesNotAnswer) {
  const auto silent = table_->join();
  MeshMember first(*table_);
  MeshMember second(*table_);
  second.subscribers = 3;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(first.count_elsewhere("room"), 3U);
  const auto time = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(time, 1000ms);
  EXPECT_LT(time, 5s);
}

TEST_F(MeshQuestions, CountsTheSubscriptionsOfTheOthersToTheChannel) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  MeshMember third(*table_);
  first.subscribers = 100;
  second.subscribers = 20;
  third.subscribers = 3;
  EXPECT_EQ(first.count_elsewhere("room"), 23U);
  EXPECT_EQ(second.count_elsewhere("room"), 103U);
  EXPECT_EQ(first.count_elsewhere("hall"), 0U);
}

TEST_F(MeshQuestions, AnswersManyQuestionsAtOnce) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  second.subscribers = 2;
  std::atomic<int> answers = 0;
  for (int i = 0; i < 100; ++i) {
    first.mesh().count_elsewhere(i % 2 == 0 ? "room" : "hall", [&answers, i](std::size_t count) {
      EXPECT_EQ(count, i % 2 == 0 ? 2U : 0U);
      ++answers;
    });
  }
  EXPECT_TRUE(first.thread.wait_until([&] { return answers == 100; }));
}

TEST_F(MeshQuestions, GathersWhatTheOthersMakeOfARequest) {
  MeshMember first(*table_);
  EXPECT_EQ(first.ask_elsewhere("hello"), std::vector<std::string>{});
  MeshMember second(*table_);
  MeshMember third(*table_);
  EXPECT_EQ(first.ask_elsewhere("hello"), (std::vector<std::string>{"heard hello", "heard hello"}));
}

TEST_F(MeshQuestions, LeavesOutWhoMakesNothingOfARequest) {
  MeshMember first(*table_);
  MeshMember second(*table_);
  MeshMember mute(*table_);
  mute.is_mute = true;
  EXPECT_EQ(first.ask_elsewhere("hello"), std::vector<std::string>{"heard hello"});
}
}  // namespace
}  // namespace mod_ws::channels
