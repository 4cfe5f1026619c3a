#pragma once

#include <zlib.h>

#include <cstdlib>

#include "tests/support/allocation_counts.h"
#include "tests/support/next_function.h"

// These stand before zlib's, so that one of a program's sources may include this, and no other:
// what a stream takes is counted, and fails, like what operator new gives.

namespace mod_ws::tests {

inline void* give_zlib(void*, uInt count, uInt size) {
  return fails_allocation(++allocations) ? nullptr : std::malloc(std::size_t{count} * size);
}
inline void take_from_zlib(void*, void* memory) { std::free(memory); }

inline void lend_memory_to(z_stream& stream) {
  stream.zalloc = give_zlib;
  stream.zfree = take_from_zlib;
}

}  // namespace mod_ws::tests

extern "C" int deflateInit2_(z_stream* stream, int level, int method, int window_bits,
                             int memory_level, int strategy, const char* version, int size) {
  static auto* const real =
      mod_ws::tests::next_function<int(z_stream*, int, int, int, int, int, const char*, int)>(
          "deflateInit2_");
  mod_ws::tests::lend_memory_to(*stream);
  return real(stream, level, method, window_bits, memory_level, strategy, version, size);
}

extern "C" int inflateInit2_(z_stream* stream, int window_bits, const char* version, int size) {
  static auto* const real =
      mod_ws::tests::next_function<int(z_stream*, int, const char*, int)>("inflateInit2_");
  mod_ws::tests::lend_memory_to(*stream);
  return real(stream, window_bits, version, size);
}
