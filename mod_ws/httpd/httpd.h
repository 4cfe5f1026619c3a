#pragma once

/// httpd's and APR's headers, in the order they need, and the module itself. Only files in
/// mod_ws/httpd include them.

#include <httpd.h>

#include <ap_expr.h>
#include <ap_provider.h>
#include <apr_errno.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_ssl.h>
#include <util_filter.h>

#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "mod_ws/httpd/scarcity.h"

extern "C" module AP_MODULE_DECLARE_DATA ws_module;

APLOG_USE_MODULE(ws);

namespace mod_ws::httpd {

/// A C++ object in a pool, destroyed with it.
template <class T, class... Arguments>
T* pool_new(apr_pool_t* pool, Arguments&&... arguments) {
  T* const object = new (apr_palloc(pool, sizeof(T))) T(std::forward<Arguments>(arguments)...);
  apr_pool_cleanup_register(
      pool, object,
      [](void* memory) -> apr_status_t {
        static_cast<T*>(memory)->~T();
        return APR_SUCCESS;
      },
      apr_pool_cleanup_null);
  return object;
}

/// What is made once in the server's life, and found again after each restart: it outlives the
/// configuration, and our code, which is unmapped then; so no cleanup runs. `make` gets the
/// process's pool and gives a T*; null where that is not possible, and then nothing is kept.
template <class T, class Make>
T* once_in_process(server_rec* server, const char* name, Make make) {
  apr_pool_t* const pool = server->process->pool;
  void* known = nullptr;
  apr_pool_userdata_get(&known, name, pool);
  if (known == nullptr) {
    known = make(pool);
    // The pool copies the name.
    if (known != nullptr) apr_pool_userdata_set(known, name, apr_pool_cleanup_null, pool);
  }
  return static_cast<T*>(known);
}

/// A request header, empty if absent.
inline std::string_view header_in(const request_rec* r, const char* name) {
  const char* const value = apr_table_get(r->headers_in, name);
  return value == nullptr ? std::string_view{} : value;
}

inline std::string_view view_of(const char* text) {
  return text == nullptr ? std::string_view{} : text;
}

/// `text` as a C string that lives as long as the pool.
inline const char* pool_string(apr_pool_t* pool, std::string_view text) {
  return apr_pstrmemdup(pool, text.data(), text.size());
}

/// The status for a request that cannot be served; behind a 101 there can be no other answer.
inline int refusal(request_rec* r, int status) {
  if (r->status != HTTP_SWITCHING_PROTOCOLS) return status;
  r->connection->aborted = 1;
  r->connection->keepalive = AP_CONN_CLOSE;
  return OK;
}

/// The fence between C++ and httpd: no exception passes a hook; it becomes a log line and 500, or
/// 503 where something has run out.
template <class Body>
int fenced(request_rec* r, Body body) {
  try {
    return body();
  } catch (const Scarcity& scarcity) {
    return refusal(r, refuse_for_scarcity(r, scarcity.error()));
  } catch (const std::bad_alloc&) {
    return refusal(r, refuse_for_scarcity(r, APR_ENOMEM));
  } catch (const std::exception& error) {
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "mod_ws could not serve %s: %s", r->uri,
                  error.what());
  } catch (...) {
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "mod_ws could not serve %s: something was thrown that is no std::exception",
                  r->uri);
  }
  return refusal(r, HTTP_INTERNAL_SERVER_ERROR);
}

}  // namespace mod_ws::httpd
