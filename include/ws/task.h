#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
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
        return promise.go_on();
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

  void set_awaiting(std::coroutine_handle<> awaiting) {
    next_ = reinterpret_cast<std::uintptr_t>(awaiting.address());
  }
  void set_owner(TaskOwner& owner) {
    next_ = reinterpret_cast<std::uintptr_t>(&owner) | is_owner_bit;
  }
  /// Until end_start(), the end does not resume the awaiting coroutine: it has not been left yet.
  /// So a loop of tasks that never wait needs no stack, however the compiler optimizes.
  void begin_start() { next_ |= is_starting_bit; }
  void end_start() { next_ &= ~is_starting_bit; }

 private:
  // Idle sessions hold a promise each, so all of it shares a word; what is pointed to is aligned.
  static constexpr std::uintptr_t is_owner_bit = 1;
  static constexpr std::uintptr_t is_starting_bit = 2;

  // NOLINTBEGIN(performance-no-int-to-ptr)
  std::coroutine_handle<> go_on() const noexcept {
    if ((next_ & is_starting_bit) != 0) return std::noop_coroutine();
    if ((next_ & is_owner_bit) == 0)
      return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(next_));
    reinterpret_cast<TaskOwner*>(next_ - is_owner_bit)->on_task_done();
    return std::noop_coroutine();
  }
  // NOLINTEND(performance-no-int-to-ptr)

  std::uintptr_t next_ = 0;  // who goes on after this task: the awaiting coroutine, or the owner
  std::exception_ptr exception_;
};

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// g++ before 13 lays the frame of a coroutine out wrongly, so that running it is a crash, where the
// condition of an `if` or `while` awaits something and the block around it declares nothing. What
// it takes for the frame's beginning is not where the frame begins then.
class FrameCheck {
 public:
  static void* operator new(std::size_t size) { return newest_frame = ::operator new(size); }
  static void operator delete(void* frame, std::size_t size) { ::operator delete(frame, size); }

 protected:
  static void check_frame(std::coroutine_handle<> frame) {
    if (frame.address() == newest_frame) return;
    throw std::logic_error(
        "g++ 12 cannot compile this coroutine: declare a variable for what `if (co_await ...)` or "
        "`while (co_await ...)` awaits");
  }

 private:
  static inline thread_local void* newest_frame = nullptr;
};
#else
class FrameCheck {
 protected:
  static void check_frame(std::coroutine_handle<>) {}
};
#endif

template <class T>
class TaskPromise : public TaskPromiseBase, public FrameCheck {
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
class TaskPromise<void> : public TaskPromiseBase, public FrameCheck {
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
      bool await_ready() const {
        check_startable(frame);
        return false;
      }
      /// False: it has run to its end already.
      bool await_suspend(std::coroutine_handle<> awaiting) {
        auto& promise = frame.promise();
        promise.set_awaiting(awaiting);
        promise.begin_start();
        frame.resume();
        promise.end_start();
        return !frame.done();
      }
      T await_resume() { return frame.promise().take_result(); }
      std::coroutine_handle<promise_type> frame;
    };
    return Awaiter{frame_};
  }

  /// For mod_ws: runs an outermost task up to its first suspension.
  void start(detail::TaskOwner& owner) {
    check_startable(frame_);
    frame_.promise().set_owner(owner);
    frame_.resume();
  }
  /// For mod_ws: after TaskOwner::on_task_done(); throws what the coroutine threw.
  T take_result() { return frame_.promise().take_result(); }

 private:
  static void check_startable(std::coroutine_handle<promise_type> frame) {
    if (!frame || frame.done())
      throw std::logic_error("this ws::Task is empty, or has been awaited already");
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  const auto frame = std::coroutine_handle<TaskPromise>::from_promise(*this);
  check_frame(frame);
  return Task<T>(frame);
}

inline Task<void> TaskPromise<void>::get_return_object() {
  const auto frame = std::coroutine_handle<TaskPromise>::from_promise(*this);
  check_frame(frame);
  return Task<void>(frame);
}

}  // namespace detail
}  // namespace ws
