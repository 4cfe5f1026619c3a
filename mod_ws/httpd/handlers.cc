#include "mod_ws/httpd/handlers.h"

#include "mod_ws/handler/c_handler.h"
#include "mod_ws/handler/loop_runtime.h"

namespace mod_ws::httpd {
namespace {

using ws::detail::Registration;

template <class T>
std::pair<const T*, int> elements_of(const apr_array_header_t* array) {
  return {reinterpret_cast<const T*>(array->elts), array->nelts};
}

/// The version of the interface that a module offers the handler for; null when none does.
const char* other_version(apr_pool_t* pool, const char* name) {
  const auto [groups, group_count] =
      elements_of<ap_list_provider_groups_t>(ap_list_provider_groups(pool));
  for (int i = 0; i < group_count; ++i) {
    if (groups[i].provider_group != std::string_view(ws::provider_group)) continue;
    if (ap_lookup_provider(ws::provider_group, name, groups[i].provider_version) != nullptr)
      return groups[i].provider_version;
  }
  return nullptr;
}

int equip_modules(apr_pool_t*, apr_pool_t*, apr_pool_t* pool, server_rec*) {
  const auto [names, count] = elements_of<ap_list_provider_names_t>(
      ap_list_provider_names(pool, ws::provider_group, ws::abi_version));
  for (int i = 0; i < count; ++i) {
    const auto* const registration = static_cast<const Registration*>(
        ap_lookup_provider(ws::provider_group, names[i].provider_name, ws::abi_version));
    *registration->runtime = &handler::runtime();
  }
  return OK;
}

}  // namespace

const LoadedHandler* find_handler(apr_pool_t* pool, const char* name, const char*& complaint) {
  if (const auto* const found = static_cast<const Registration*>(
          ap_lookup_provider(ws::provider_group, name, ws::abi_version))) {
    return pool_new<LoadedHandler>(
        pool, LoadedHandler{name, found->handler->run, found->handler->upgrader});
  }
  if (const auto* const found = static_cast<const ws_c_handler*>(
          ap_lookup_provider(WS_C_HANDLER_GROUP, name, WS_C_HANDLER_VERSION))) {
    const auto run = [found](ws::Conn& conn) { return handler::run_c_handler(conn, *found); };
    return pool_new<LoadedHandler>(pool, LoadedHandler{name, run});
  }
  const char* const version = other_version(pool, name);
  complaint = version == nullptr
                  ? apr_psprintf(pool,
                                 "no loaded module has a handler of that name (is its LoadModule "
                                 "line there?)")
                  : apr_psprintf(pool,
                                 "its module was built for version %s of mod_ws's handler "
                                 "interface, and this mod_ws has version %s: build the module anew",
                                 version, ws::abi_version);
  return nullptr;
}

void register_handlers() { ap_hook_post_config(equip_modules, nullptr, nullptr, APR_HOOK_MIDDLE); }

}  // namespace mod_ws::httpd
