#include "mod_ws/httpd/scarcity.h"

#include <sys/resource.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {
namespace {

constexpr const char* retry_after_seconds = "10";

std::string open_files_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return std::to_string(limit.rlim_cur);
}

/// What is missing, and what can be done about it.
std::string explain(int error) {
  switch (error) {
    case EMFILE:
      return "this process may have no more than " + open_files_limit() +
             " open files (APACHE_ULIMIT_MAX_FILES in Debian's envvars, else LimitNOFILE= of the "
             "systemd unit or ulimit -n)";
    case ENFILE:
      return "the machine has as many open files as it may (fs.file-max)";
    case ENOSPC:
      return "httpd's user watches as many sockets as it may (fs.epoll.max_user_watches)";
    case EAGAIN:
      return "there may be no further thread (TasksMax= or LimitNPROC= of the systemd unit, "
             "ulimit -u, kernel.threads-max)";
    case ENOMEM:
    case ENOBUFS:
      return "there is no memory left (MemoryMax= of the systemd unit, ulimit -v, the machine's)";
    default:
      return std::generic_category().message(error);
  }
}

}  // namespace

const char* Scarcity::what() const noexcept { return "there is no room for a further session"; }

void ask_to_retry(request_rec* r) {
  apr_table_setn(r->err_headers_out, "Retry-After", retry_after_seconds);
}

int refuse_for_scarcity(request_rec* r, int error) {
  static base::RareLine rare_line;
  ask_to_retry(r);
  const auto refused = rare_line.count();
  if (refused > 0) {
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "refused with 503: %s; requests refused for lack of something since this was "
                  "last said: %s",
                  explain(error).c_str(), std::to_string(refused).c_str());
  }
  return HTTP_SERVICE_UNAVAILABLE;
}

}  // namespace mod_ws::httpd
