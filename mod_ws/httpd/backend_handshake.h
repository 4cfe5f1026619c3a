#pragma once

#include <chrono>
#include <string_view>

#include "mod_ws/httpd/httpd_proxy.h"

namespace mod_ws::httpd {

/// One request to a backend, while mod_proxy's connection to it is in use.
struct BackendRequest {
  request_rec* r;
  proxy_worker* worker;
  proxy_server_conf* conf;
  proxy_conn_rec* backend;
  apr_uri_t* uri;
  char* url;                                  ///< Path and query to ask for.
  char* server_port_text;                     ///< For Via.
  std::chrono::microseconds time_for_answer;  ///< For its head, and as much to wait for a body.
  std::chrono::steady_clock::time_point deadline;  ///< Of the part that is waited for.

  void set_deadline() { deadline = std::chrono::steady_clock::now() + time_for_answer; }
};

/// The head of the backend's answer; it lives as long as the backend's connection.
struct BackendResponse {
  int status;
  const char* status_line;  ///< "101 Switching Protocols"
  request_rec* fake;        ///< Stands for the response where httpd's input filters want a request:
                            ///< headers_in are its headers.

  /// Several lines of one name joined with commas; empty if there is none.
  std::string_view header(const char* name) const {
    return view_of(apr_table_getm(fake->pool, fake->headers_in, name));
  }
};

/// What the log calls the backend: the worker's name, with the socket's path if it is a unix: one.
/// mod_proxy's worker for everything without one of its own (RewriteRule's [P]) says nothing; there
/// it is the scheme, host and port that are asked. Only once `uri` is known.
const char* backend_name(const BackendRequest& request);

/// Says what is wrong with the backend: as an error once in a while, and the repeats at info. Only
/// once `uri` is known.
void log_backend_trouble(const BackendRequest& request, apr_status_t status, const char* what);

/// Whether the worker has a name of its own.
bool has_named_worker(const BackendRequest& request);

/// Whether each header that a backend would get is one line: rules of the configuration may have
/// made values of what clients send. OK, or the status to refuse with.
int check_forwarded_headers(request_rec* r);

/// Sends the client's opening handshake on, with what mod_proxy adds and drops. OK, or the status
/// to give up with.
int send_backend_handshake(const BackendRequest& request);

/// Reads the head of the answer, interim responses skipped. OK, or HTTP_BAD_GATEWAY /
/// HTTP_GATEWAY_TIME_OUT with the cause logged.
int read_backend_response(const BackendRequest& request, BackendResponse& response);

/// Copies the answer's headers to `r`, as far as they are meant for the client: hop-by-hop ones
/// dropped, redirects and cookies mapped back as ProxyPassReverse says.
void copy_response_headers(const BackendRequest& request, const BackendResponse& response);

/// Passes an answer that is no 101 to the client as an ordinary response, body included.
int pass_response(BackendRequest& request, const BackendResponse& response);

}  // namespace mod_ws::httpd
