#include "mod_ws/handler/op_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ws/task.h"

namespace mod_ws::handler {
namespace {

/// Waits in a list, as an operation of a session's does.
class Wait {
 public:
  explicit Wait(OpList<int>& list) : list_(list) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() { list_.remove(state_); }

  bool await_ready() {
    list_.push_back(state_);
    return false;
  }
  void await_suspend(std::coroutine_handle<> waiter) { state_.waiter = waiter; }
  int await_resume() { return *state_.result; }

 private:
  OpList<int>& list_;
  OpList<int>::State state_;
};

class NoOwner final : public ws::detail::TaskOwner {
 public:
  void on_task_done() noexcept override { ++done; }
  int done = 0;
};

ws::Task<> note(OpList<int>& list, std::vector<std::string>& notes, std::string name, int times) {
  for (int i = 0; i < times; ++i) notes.push_back(name + std::to_string(co_await Wait(list)));
}

TEST(OpList, ResumesInOrder) {
  OpList<int> list;
  std::vector<std::string> notes;
  NoOwner owner;
  ws::Task<> a = note(list, notes, "a", 1);
  ws::Task<> b = note(list, notes, "b", 1);
  ws::Task<> c = note(list, notes, "c", 1);
  EXPECT_TRUE(list.empty());
  a.start(owner);
  b.start(owner);
  c.start(owner);
  EXPECT_FALSE(list.empty());
  list.resume_first(1);
  EXPECT_EQ(notes, (std::vector<std::string>{"a1"}));
  list.resume_all(2);
  EXPECT_EQ(notes, (std::vector<std::string>{"a1", "b2", "c2"}));
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(owner.done, 3);
}

TEST(OpList, ResumesOnlyThoseThatWaitNow) {
  OpList<int> list;
  std::vector<std::string> notes;
  NoOwner owner;
  ws::Task<> a = note(list, notes, "a", 3);
  ws::Task<> b = note(list, notes, "b", 3);
  a.start(owner);
  b.start(owner);
  list.resume_all(1);
  EXPECT_EQ(notes, (std::vector<std::string>{"a1", "b1"}));
  list.resume_all(2);
  EXPECT_EQ(notes, (std::vector<std::string>{"a1", "b1", "a2", "b2"}));
  EXPECT_EQ(owner.done, 0);
}

TEST(OpList, ForgetsTheOperationsOfDestroyedCoroutines) {
  for (int destroyed = 0; destroyed < 3; ++destroyed) {
    OpList<int> list;
    std::vector<std::string> notes;
    NoOwner owner;
    std::vector<ws::Task<>> tasks;
    for (const char* const name : {"a", "b", "c"}) {
      tasks.push_back(note(list, notes, name, 1));
      tasks.back().start(owner);
    }
    tasks.erase(tasks.begin() + destroyed);
    list.resume_all(1);
    EXPECT_EQ(notes.size(), 2U);
    EXPECT_TRUE(list.empty());
  }
}

TEST(OpList, RemovesWhatIsNotInIt) {
  OpList<int> list;
  ws::detail::OpState<int> in;
  ws::detail::OpState<int> out;
  list.push_back(in);
  list.remove(out);
  EXPECT_FALSE(list.empty());
  list.remove(in);
  EXPECT_TRUE(list.empty());
}

ws::Task<> end_another(OpList<int>& list, ws::Task<>& other) {
  co_await Wait(list);
  other = ws::Task<>();
}

TEST(OpList, SurvivesACoroutineThatEndsTheNext) {
  OpList<int> list;
  std::vector<std::string> notes;
  NoOwner owner;
  ws::Task<> victim = note(list, notes, "victim", 1);
  ws::Task<> killer = end_another(list, victim);
  ws::Task<> last = note(list, notes, "last", 1);
  killer.start(owner);
  victim.start(owner);
  last.start(owner);
  list.resume_all(1);
  EXPECT_EQ(notes, (std::vector<std::string>{"last1"}));
}

}  // namespace
}  // namespace mod_ws::handler
