#pragma once

#include <cstddef>

namespace mod_ws::tests {

/// How often this thread has called operator new, where tests/support/allocations.h replaces it.
inline thread_local std::size_t allocations = 0;

/// Those of them that fail, by their numbers; none where it is empty.
struct FailingAllocations {
  std::size_t first = 0;
  std::size_t count = 0;
};
inline thread_local FailingAllocations failing_allocations;

/// Of this thread; `first` 1: the next.
inline void fail_allocations(std::size_t first, std::size_t count) {
  failing_allocations = {.first = allocations + first, .count = count};
}

/// Whether any has failed. From now on none does.
inline bool have_allocations_failed() {
  const bool have_failed = allocations >= failing_allocations.first;
  failing_allocations = {};
  return have_failed;
}

inline bool fails_allocation(std::size_t number) {
  return number - failing_allocations.first < failing_allocations.count;
}

}  // namespace mod_ws::tests
