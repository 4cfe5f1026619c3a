#pragma once

#include <gtest/gtest.h>

#include <new>
#include <string>

#include "tests/support/allocation_counts.h"

namespace mod_ws::tests {

/// Calls `act` again and again: the first time the first of this thread's allocations fails in it,
/// then the second, or the one `stride` further on, until it is through before one does. How often
/// one has failed. It may throw std::bad_alloc.
template <class Act>
std::size_t for_each_allocation_failing(Act act, std::size_t stride = 1) {
  std::size_t number = 1;
  std::size_t failures = 0;
  while (true) {
    SCOPED_TRACE("allocation " + std::to_string(number));
    fail_allocations(number, 1);
    try {
      act();
    } catch (const std::bad_alloc&) {
    }
    if (!have_allocations_failed() || testing::Test::HasFailure()) return failures;
    ++failures;
    number += stride;
  }
}

}  // namespace mod_ws::tests
