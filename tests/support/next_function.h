#pragma once

#include <dlfcn.h>

namespace mod_ws::tests {

/// The C library's function that one of a test's stands before.
template <class Function>
Function* next_function(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace mod_ws::tests
