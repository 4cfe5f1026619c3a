#pragma once

#include <httpd.h>

// After httpd.h, which they need.
#include <ap_provider.h>
#include <http_config.h>

#include <cstddef>
#include <iterator>

#include "ws/handler.h"

/// Makes an httpd module of handlers: `WS_MODULE(ws_chat_module, {"echo", echo}, {"chat", chat,
/// {.subprotocols = {"chat.v2"}}})`. Load it with `LoadModule ws_chat_module modules/ws_chat.so`,
/// after or before mod_ws. Nothing runs when it is loaded.
#define WS_MODULE(module_name, ...)                                                           \
  namespace {                                                                                 \
  constexpr ::ws::Handler ws_handlers_of_##module_name[] = {__VA_ARGS__};                     \
  void ws_register_##module_name(apr_pool_t* pool) {                                          \
    static ::ws::detail::Registration registrations[std::size(ws_handlers_of_##module_name)]; \
    for (std::size_t i = 0; i < std::size(registrations); ++i) {                              \
      registrations[i] = {&ws_handlers_of_##module_name[i], &::ws::detail::runtime};          \
      ap_register_provider(pool, ::ws::provider_group, ws_handlers_of_##module_name[i].name,  \
                           ::ws::abi_version, &registrations[i]);                             \
    }                                                                                         \
  }                                                                                           \
  }                                                                                           \
  extern "C" {                                                                                \
  extern module AP_MODULE_DECLARE_DATA module_name;                                           \
  __attribute__((visibility("default"))) module AP_MODULE_DECLARE_DATA module_name = {        \
      STANDARD20_MODULE_STUFF,   nullptr, nullptr, nullptr, nullptr, nullptr,                 \
      ws_register_##module_name, 0};                                                          \
  }
