#include "mod_ws/httpd/log.h"

namespace mod_ws::httpd {
namespace {

int httpd_level(base::LogLevel level) {
  switch (level) {
    case base::LogLevel::error:
      return APLOG_ERR;
    case base::LogLevel::warning:
      return APLOG_WARNING;
    case base::LogLevel::info:
      return APLOG_INFO;
    case base::LogLevel::debug:
      return APLOG_DEBUG;
    case base::LogLevel::trace:
      return APLOG_TRACE4;
  }
  return APLOG_ERR;
}

/// What belongs to no virtual host is logged as the main server's lines are.
const server_rec* server_of(const void* server) {
  return server == nullptr ? ap_server_conf : static_cast<const server_rec*>(server);
}

}  // namespace

void install_log_sink() {
  base::set_log_sink({
      .is_enabled = [](const void* server, base::LogLevel level) -> bool {
        return APLOG_IS_LEVEL(server_of(server), httpd_level(level));
      },
      .write =
          [](const void* server, base::LogLevel level, std::string_view line) {
            ap_log_error(APLOG_MARK, httpd_level(level) | APLOG_NOERRNO, 0, server_of(server),
                         "%.*s", static_cast<int>(line.size()), line.data());
          },
  });
}

std::string client_address(const request_rec* r) {
  std::string address = r->useragent_ip;
  if (r->useragent_addr != nullptr) address += ':' + std::to_string(r->useragent_addr->port);
  return address;
}

}  // namespace mod_ws::httpd
