#pragma once

#include <functional>

#include "mod_ws/httpd/httpd.h"
#include "ws/handler.h"

namespace mod_ws::httpd {

/// A handler that some module has registered.
struct LoadedHandler {
  const char* name;
  std::function<ws::Task<>(ws::Conn&)> run;
  ws::Upgrader upgrader{};
};

/// The handler with this name, in C++ or in C; it lives as long as the pool. Null, with a
/// complaint, when no loaded module has it, or only for another interface. All LoadModule lines
/// have been carried out before any directive of ours is.
const LoadedHandler* find_handler(apr_pool_t* pool, const char* name, const char*& complaint);

/// Gives the handler modules what they need of mod_ws, each time the configuration has been read.
void register_handlers();

}  // namespace mod_ws::httpd
