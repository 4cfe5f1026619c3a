#pragma once

#include <cstddef>
#include <utility>

#include "ws/op.h"

namespace mod_ws::handler {

/// Operations that wait, in the order they came. The states lie in the coroutines' frames; nearly
/// always there is one or none.
template <class T>
class OpList {
 public:
  using State = ws::detail::OpState<T>;

  bool empty() const { return first_ == nullptr; }

  void push_back(State& state) {
    State** end = &first_;
    while (*end != nullptr) end = &(*end)->next;
    *end = &state;
    state.next = nullptr;
  }

  void remove(State& state) {
    for (State** at = &first_; *at != nullptr; at = &(*at)->next) {
      if (*at != &state) continue;
      *at = state.next;
      return;
    }
  }

  /// Takes out the first one and resumes it with a result, which it takes before it does anything
  /// else. Returns once its coroutine waits again or has ended.
  void resume_first(T result) {
    State& state = *first_;
    first_ = state.next;
    state.result = &result;
    state.waiter.resume();
  }

  /// Resumes as many as wait now, each with the result it points to already.
  void resume_all() {
    for (std::size_t count = size(); count > 0 && !empty(); --count)
      std::exchange(first_, first_->next)->waiter.resume();
  }

  /// Resumes as many as wait now. One of them may take others out of the list, by ending their
  /// coroutine.
  void resume_all(const T& result) {
    for (std::size_t count = size(); count > 0 && !empty(); --count) resume_first(result);
  }

 private:
  std::size_t size() const {
    std::size_t count = 0;
    for (const State* state = first_; state != nullptr; state = state->next) ++count;
    return count;
  }

  State* first_ = nullptr;
};

}  // namespace mod_ws::handler
