#pragma once

#include <httpd.h>

// After httpd.h, which they need.
#include <ap_provider.h>
#include <http_config.h>

#include "ws/handler.h"

/// Makes an httpd module of handlers: `WS_MODULE(ws_chat_module, {"echo", echo}, {"chat", chat})`.
/// Load it with `LoadModule ws_chat_module modules/ws_chat.so`, after or before mod_ws.
#define WS_MODULE(module_name, ...)                                                                \
  namespace {                                                                                      \
  constexpr ::ws::Handler ws_handlers_of_##module_name[] = {__VA_ARGS__};                          \
  void ws_register_##module_name(apr_pool_t* pool) {                                               \
    for (const ::ws::Handler& handler : ws_handlers_of_##module_name) {                            \
      ap_register_provider(pool, ::ws::provider_group, handler.name, ::ws::abi_version, &handler); \
    }                                                                                              \
  }                                                                                                \
  }                                                                                                \
  extern "C" {                                                                                     \
  extern module AP_MODULE_DECLARE_DATA module_name;                                                \
  __attribute__((visibility("default"))) module AP_MODULE_DECLARE_DATA module_name = {             \
      STANDARD20_MODULE_STUFF,   nullptr, nullptr, nullptr, nullptr, nullptr,                      \
      ws_register_##module_name, 0};                                                               \
  }
