#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace ws {
namespace detail {

/// Where the result of something that was begun on a loop will be. On the loop's thread only.
template <class T>
class Outcome {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  Outcome() = default;
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;
  virtual ~Outcome() = default;

  /// Nobody waits any more: what was begun may end.
  virtual void cancel() noexcept {}

  void deliver(Value value) {
    value_.emplace(std::move(value));
    resume();
  }
  void deliver_exception(std::exception_ptr exception) {
    exception_ = std::move(exception);
    resume();
  }

  bool is_there() const { return value_ || exception_; }
  Value take() {
    if (exception_) std::rethrow_exception(exception_);
    return std::move(*value_);
  }
  void set_waiter(std::coroutine_handle<> waiter) { waiter_ = waiter; }

 private:
  void resume() {
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }

  std::coroutine_handle<> waiter_;
  std::optional<Value> value_;
  std::exception_ptr exception_;
};

}  // namespace detail

/// Something that has begun on the loop, to co_await once. The result comes on the loop's thread.
/// When it is destroyed before, as its coroutine ends, the result is dropped.
template <class T>
class [[nodiscard]] Pending {
 public:
  explicit Pending(std::shared_ptr<detail::Outcome<T>> outcome) : outcome_(std::move(outcome)) {}
  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) = delete;
  ~Pending() {
    if (!outcome_ || outcome_->is_there()) return;
    outcome_->set_waiter(nullptr);
    outcome_->cancel();
  }

  bool await_ready() const { return outcome_->is_there(); }
  void await_suspend(std::coroutine_handle<> waiter) { outcome_->set_waiter(waiter); }
  T await_resume() {
    const auto outcome = std::move(outcome_);
    if constexpr (std::is_void_v<T>) {
      outcome->take();
    } else {
      return outcome->take();
    }
  }

 private:
  std::shared_ptr<detail::Outcome<T>> outcome_;
};

}  // namespace ws
