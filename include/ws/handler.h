#pragma once

#include "ws/conn.h"
#include "ws/runtime.h"
#include "ws/task.h"
#include "ws/upgrader.h"

namespace ws {

/// A handler runs one session: it returns to close it with 1000; an exception closes it with 1011.
using HandlerFunction = Task<> (*)(Conn& conn);

/// What a module offers under a name for `WebSocketHandler NAME`.
struct Handler {
  const char* name;
  HandlerFunction run;
  Upgrader upgrader{};
};

namespace detail {

/// The provider: what mod_ws finds under a handler's name.
struct Registration {
  const Handler* handler;
  Runtime** runtime;  ///< The module's, to be set.
};

}  // namespace detail

/// The binary interface between handler modules and mod_ws. A module is compiled against one;
/// mod_ws refuses another at start.
inline constexpr char abi_version[] = "4";

/// Provider group of ap_register_provider(); the version is `abi_version`.
inline constexpr char provider_group[] = "websocket-handler";

}  // namespace ws
