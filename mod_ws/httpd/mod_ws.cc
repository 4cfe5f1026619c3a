#include "mod_ws/httpd/auth_subprotocol.h"
#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/channels.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/compression.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/directives.h"
#include "mod_ws/httpd/gone_processes.h"
#include "mod_ws/httpd/handlers.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/httpd/ledger.h"
#include "mod_ws/httpd/lifeline.h"
#include "mod_ws/httpd/proxy_scheme.h"
#include "mod_ws/httpd/publish_handler.h"
#include "mod_ws/httpd/series.h"
#include "mod_ws/httpd/session_limits.h"
#include "mod_ws/httpd/session_log.h"
#include "mod_ws/httpd/status_handler.h"
#include "mod_ws/httpd/takeover.h"
#include "mod_ws/httpd/upgrade_handler.h"

namespace {

void register_hooks(apr_pool_t*) {
  using namespace mod_ws::httpd;
  register_gone_processes();
  register_ledger();
  register_board();
  register_lifeline();
  register_handlers();
  register_takeover();
  register_client_handshake();
  register_auth_subprotocol();
  register_upgrade_handler();
  register_proxy_scheme();
  register_session_limits();
  register_compression();
  register_channels();
  register_publish_handler();
  register_series();
  register_session_log();
  register_status_handler();
  register_status_section();
  register_child_life();
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) module AP_MODULE_DECLARE_DATA ws_module = {
    STANDARD20_MODULE_STUFF,
    mod_ws::httpd::create_location_config,
    mod_ws::httpd::merge_location_config,
    mod_ws::httpd::create_server_config,
    mod_ws::httpd::merge_server_config,
    mod_ws::httpd::directives,
    register_hooks,
    AP_MODULE_FLAG_NONE,
};

}  // extern "C"
