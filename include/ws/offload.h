#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "ws/runtime.h"

namespace ws {

namespace detail {

/// What co_await makes of a function that is written right there: g++ before 13 destroys twice what
/// it holds.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
template <class F>
concept DestroyedTwice = !std::is_lvalue_reference_v<F> && !std::is_trivially_destructible_v<F>;
#else
template <class F>
concept DestroyedTwice = false;
#endif

template <class F>
Pending<std::invoke_result_t<F>> offload(F function) {
  using Result = std::invoke_result_t<F>;
  struct ResultOutcome final : Outcome<Result> {
    void cancel() noexcept override { wanted.reset(); }
    std::shared_ptr<void> wanted;
  };
  struct Work {
    explicit Work(F given) : function(std::move(given)) {}
    F function;
    std::optional<typename ResultOutcome::Value> result;
    std::exception_ptr exception;

    void run() noexcept {
      try {
        if constexpr (std::is_void_v<Result>) {
          function();
          result.emplace();
        } else {
          result.emplace(function());
        }
      } catch (...) {
        exception = std::current_exception();
      }
    }
  };
  const auto work = std::make_shared<Work>(std::move(function));
  const auto outcome = std::make_shared<ResultOutcome>();
  const auto done = [work, outcome] {
    if (work->exception) {
      outcome->deliver_exception(work->exception);
    } else if (work->result) {
      outcome->deliver(std::move(*work->result));
    } else {
      outcome->deliver_exception(
          std::make_exception_ptr(std::runtime_error("offloaded work was lost with its process")));
    }
  };
  outcome->wanted = runtime->offload([work] { work->run(); }, done);
  return Pending<Result>(outcome);
}

}  // namespace detail

/// Runs a function that blocks, or takes long, on one of a few threads of its own, and resumes with
/// what it returns or throws on the loop's thread, where alone it may be called. Once it has begun
/// it runs to its end even when nobody waits for it any more, so it must own what it uses; where
/// its turn has not come by then, it is dropped. At a graceful restart of httpd sessions move to
/// another process, and work that takes longer than that waits is lost with the old one:
/// std::runtime_error.
template <class F>
requires(!detail::DestroyedTwice<F>) Pending<std::invoke_result_t<std::decay_t<F>>> offload(
    F&& function) {
  return detail::offload<std::decay_t<F>>(std::forward<F>(function));
}
template <class F>
requires detail::DestroyedTwice<F>
[[deprecated(
    "g++ 12 destroys twice what a lambda holds that is awaited where it is written: give it a "
    "name, and offload that")]]  //
Pending<std::invoke_result_t<std::decay_t<F>>>
offload(F&& function) {
  return detail::offload<std::decay_t<F>>(std::forward<F>(function));
}

}  // namespace ws
