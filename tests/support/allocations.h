#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace mod_ws::tests {

/// How often this thread has called operator new.
inline thread_local std::size_t allocations = 0;

}  // namespace mod_ws::tests

// They replace the program's, so that one of its sources may include this, and no other. Where they
// are inlined, g++ takes free() for a mismatch.

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++mod_ws::tests::allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
