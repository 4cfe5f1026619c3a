#pragma once

#include <memory>

#include "mod_ws/base/session_ledger.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

class Bridge;
class Handover;

/// What mod_ws keeps with a request.
struct RequestState {
  /// Sec-WebSocket-Protocol as it came, while the header has no tokens in it.
  const char* offered_subprotocols = nullptr;
  const char* backend = nullptr;    ///< That mod_proxy has chosen.
  bool has_backend_of_own = false;  ///< It is one of the configuration's, not of the request's.
  apr_time_t answered = 0;          ///< When the 101 was sent.
  // Until the session has them; else until the request's end.
  base::SessionLedger::Place place;
  std::shared_ptr<Handover> handover;
  std::shared_ptr<Bridge> bridge;  ///< Until it runs.
  bool is_handed_over = false;     ///< The session begins.
};

/// Made at the first call; it lives as long as the request.
inline RequestState& request_state(request_rec* r) {
  void* known = ap_get_module_config(r->request_config, &ws_module);
  if (known == nullptr) {
    known = pool_new<RequestState>(r->pool);
    ap_set_module_config(r->request_config, &ws_module, known);
  }
  return *static_cast<RequestState*>(known);
}

}  // namespace mod_ws::httpd
