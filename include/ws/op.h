#pragma once

#include <coroutine>
#include <string_view>
#include <utility>

#include "ws/close_code.h"
#include "ws/message.h"

namespace ws {

template <class T>
class Op;

namespace detail {

/// What an operation was called with.
struct OpArguments {
  MessageType type = MessageType::text;
  std::string_view payload;  ///< Lives in the caller's frame, which waits.
  CloseCode code = CloseCode::normal_closure;
};

/// An operation under way: the session fills in the result and resumes the waiter, on the loop's
/// thread.
template <class T>
struct OpState {
  OpArguments arguments;
  T result{};
  std::coroutine_handle<> waiter;
  OpState* next = nullptr;  ///< For the session's list of waiting operations.
};

/// What can be started: returns true when the result is there already, else keeps the state until
/// it resumes it or forget() is called.
template <class T>
class OpTarget {
 public:
  virtual bool start(OpState<T>& state) = 0;
  virtual void forget(OpState<T>& state) noexcept = 0;

 protected:
  ~OpTarget() = default;
};

}  // namespace detail

/// An operation to co_await; it starts then. The result comes on the loop's thread. It is
/// [[nodiscard]]: a forgotten co_await is a warning, not a message that is never sent.
template <class T>
class [[nodiscard]] Op {
 public:
  Op(detail::OpTarget<T>& target, const detail::OpArguments& arguments) : target_(target) {
    state_.arguments = arguments;
  }
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  ~Op() {
    if (state_.waiter) target_.forget(state_);
  }

  bool await_ready() { return target_.start(state_); }
  void await_suspend(std::coroutine_handle<> waiter) { state_.waiter = waiter; }
  T await_resume() {
    state_.waiter = nullptr;
    return std::move(state_.result);
  }

 private:
  detail::OpTarget<T>& target_;
  detail::OpState<T> state_;
};

}  // namespace ws
