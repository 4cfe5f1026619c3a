#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace ws {

template <class T = void>
class Task;

namespace detail {

/// Told when an outermost task has run to its end; the frame is still there. mod_ws implements it.
class TaskOwner {
 public:
  virtual void on_task_done() noexcept = 0;

 protected:
  ~TaskOwner() = default;
};

class TaskPromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }

  auto final_suspend() noexcept {
    struct Awaiter {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
        if (promise.awaiting_) return promise.awaiting_;
        if (promise.owner_ != nullptr) promise.owner_->on_task_done();
        return std::noop_coroutine();
      }
      void await_resume() noexcept {}
      TaskPromiseBase& promise;
    };
    return Awaiter{*this};
  }

  void unhandled_exception() noexcept { exception_ = std::current_exception(); }
  void rethrow_exception() const {
    if (exception_) std::rethrow_exception(exception_);
  }

  void set_awaiting(std::coroutine_handle<> awaiting) { awaiting_ = awaiting; }
  void set_owner(TaskOwner& owner) { owner_ = &owner; }

 private:
  std::coroutine_handle<> awaiting_;
  TaskOwner* owner_ = nullptr;
  std::exception_ptr exception_;
};

template <class T>
class TaskPromise : public TaskPromiseBase {
 public:
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take_result() {
    rethrow_exception();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() {}
  void take_result() const { rethrow_exception(); }
};

}  // namespace detail

/// A coroutine that starts when it is awaited, or when mod_ws runs it, and owns its frame. An
/// awaited task is resumed, and resumes its awaiter, on the loop's thread; an exception in it
/// reaches the awaiter.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  auto operator co_await() && {
    struct Awaiter {
      bool await_ready() const { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
        frame.promise().set_awaiting(awaiting);
        return frame;
      }
      T await_resume() { return frame.promise().take_result(); }
      std::coroutine_handle<promise_type> frame;
    };
    return Awaiter{frame_};
  }

  /// For mod_ws: runs an outermost task up to its first suspension.
  void start(detail::TaskOwner& owner) {
    frame_.promise().set_owner(owner);
    frame_.resume();
  }
  /// For mod_ws: after TaskOwner::on_task_done(); throws what the coroutine threw.
  T take_result() { return frame_.promise().take_result(); }

 private:
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace detail
}  // namespace ws
