#pragma once

#include <cstdlib>
#include <new>

#include "tests/support/allocation_counts.h"

// They replace the program's, so that one of its sources may include this, and no other. Where they
// are inlined, g++ takes free() for a mismatch.

[[gnu::noinline]] void* operator new(std::size_t size) {
  const bool fails = mod_ws::tests::fails_allocation(++mod_ws::tests::allocations);
  if (void* const memory = fails ? nullptr : std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
