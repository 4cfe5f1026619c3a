#pragma once

#include <openssl/crypto.h>

#include <cstdlib>

#include "tests/support/allocation_counts.h"

// What OpenSSL takes is counted, and fails, like what operator new gives.

namespace mod_ws::tests {

inline void* give_openssl(std::size_t size, const char*, int) {
  return fails_allocation(++allocations) ? nullptr : std::malloc(size);
}
inline void* give_openssl_again(void* memory, std::size_t size, const char*, int) {
  return fails_allocation(++allocations) ? nullptr : std::realloc(memory, size);
}
inline void take_from_openssl(void* memory, const char*, int) { std::free(memory); }

/// False where OpenSSL had memory before; then it goes on as it did.
inline const bool openssl_memory_fails =
    CRYPTO_set_mem_functions(give_openssl, give_openssl_again, take_from_openssl) == 1;

}  // namespace mod_ws::tests
