#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "ws/runtime.h"

namespace ws {

/// Runs a function that blocks, or takes long, on one of a few threads of its own, and resumes on
/// the loop's thread with what it returns or throws. It runs to its end even when nobody waits for
/// it any more, so it must own what it uses.
template <class F>
Pending<std::invoke_result_t<F>> offload(F function) {
  using Result = std::invoke_result_t<F>;
  using Outcome = detail::Outcome<Result>;
  struct Work {
    explicit Work(F given) : function(std::move(given)) {}
    F function;
    std::optional<typename Outcome::Value> result;
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
  const auto outcome = std::make_shared<Outcome>();
  detail::runtime->offload([work] { work->run(); },
                           [work, outcome] {
                             if (work->exception) {
                               outcome->deliver_exception(work->exception);
                             } else {
                               outcome->deliver(std::move(*work->result));
                             }
                           });
  return Pending<Result>(outcome);
}

}  // namespace ws
