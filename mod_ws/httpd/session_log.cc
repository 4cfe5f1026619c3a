#include "mod_ws/httpd/session_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <future>
#include <memory>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/directive_values.h"

namespace mod_ws::httpd {
namespace {

constexpr std::size_t max_queued_bytes = 1 << 20;
constexpr std::string_view programs_name = "mod_ws: log program ";

}  // namespace

/// The open file, or the pipe to a program, which may be slow: what it does not take at once is
/// queued. On the loop of child_side_loop().
class SessionLogFile final : engine::Watcher {
 public:
  SessionLogFile(const char* target, int descriptor)
      : target_(target), descriptor_(descriptor), may_block_(!is_regular(descriptor)) {
    if (may_block_) ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  }

  void write(std::string line) {
    // Longer ones would come in parts, and those of other processes between them.
    if (may_block_ && line.size() > PIPE_BUF)
      line.replace(PIPE_BUF - 1, std::string::npos, 1, '\n');
    if (queued_bytes_ + line.size() > max_queued_bytes) return note_lost(EAGAIN);
    queued_bytes_ += line.size();
    lines_.push_back(std::move(line));
    if (!is_watched_) write_lines();
  }

  /// The process ends: what is still queued gets so much time.
  void close(std::chrono::milliseconds patience) {
    pollfd room{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    while (!lines_.empty() && ::poll(&room, 1, static_cast<int>(patience.count())) > 0)
      write_lines();
    lost_ += lines_.size();
    if (lost_ > 0) tell_lost();
  }

 private:
  static bool is_regular(int descriptor) {
    struct stat status {};
    return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  }

  void on_ready(engine::Readiness) override { write_lines(); }

  /// Each with a write(2) of its own, so that the lines of several processes do not mix.
  void write_lines() {
    while (!lines_.empty()) {
      std::string& line = lines_.front();
      const ssize_t written = write_some(line);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN && may_block_) return watch();
      if (written < 0) note_lost(errno);
      last_write_succeeded_ = written >= 0;
      const auto taken = written < 0 ? line.size() : static_cast<std::size_t>(written);
      is_torn_ = is_torn_ || (written < 0 && is_begun_);
      is_begun_ = taken < line.size();
      queued_bytes_ -= taken;
      line.erase(0, taken);
      if (line.empty()) lines_.pop_front();
    }
    if (std::exchange(is_watched_, false)) child_side_loop().unwatch(descriptor_, *this);
    if (last_write_succeeded_) note_taken();
  }

  /// A full disk may have taken the beginning of a line, whose rest was lost: it ends here.
  ssize_t write_some(const std::string& line) {
    if (is_torn_ && ::write(descriptor_, "\n", 1) < 0) return -1;
    is_torn_ = false;
    return ::write(descriptor_, line.data(), line.size());
  }

  void watch() {
    if (!is_watched_)
      is_watched_ = child_side_loop().watch(descriptor_, engine::Interest::write, *this);
  }

  /// The error log hears when it begins, and how many were lost when the file takes lines again, or
  /// at the end; not each time of a disk that is full every other moment.
  void note_lost(int error) {
    ++lost_;
    if (is_losing_ || loss_.count() == 0) return;
    is_losing_ = true;
    ap_log_error(APLOG_MARK, APLOG_WARNING, error, ap_server_conf,
                 "WebSocketLog %s takes no lines: they are lost until it does", target_);
  }
  void note_taken() {
    is_losing_ = false;
    if (lost_ > 0 && sum_.count() > 0) tell_lost();
  }
  void tell_lost() {
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "WebSocketLog %s: %" APR_UINT64_T_FMT " lines were lost", target_,
                 static_cast<apr_uint64_t>(std::exchange(lost_, 0)));
  }

  const char* target_;
  int descriptor_;
  bool may_block_;
  bool is_watched_ = false;
  bool last_write_succeeded_ = true;
  bool is_begun_ = false;  // the first of lines_, of which the file has some
  bool is_torn_ = false;   // the file's last line
  std::deque<std::string> lines_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t lost_ = 0;  // and not told yet
  bool is_losing_ = false;
  base::RareLine loss_;
  base::RareLine sum_;
};

namespace {

/// All of them, in the order of the configuration; this process's.
std::vector<SessionLogFile*> open_files;

int descriptor_of(apr_file_t* file) {
  apr_os_file_t descriptor = -1;
  return file != nullptr && apr_os_file_get(&descriptor, file) == APR_SUCCESS ? descriptor : -1;
}

/// The same program for as long as the server lives: keepers of earlier generations write to it.
/// httpd starts it anew when it ends, with the same pipe. `command` begins with | as CustomLog's
/// does, or with || or, for a shell, |$.
int open_program(server_rec* server, const char* command) {
  const std::string name = std::string(programs_name) + command;
  const bool has_shell = command[1] == '$';
  const char* const program = command + (has_shell || command[1] == '|' ? 2 : 1);
  auto* const log = once_in_process<piped_log>(server, name.c_str(), [&](apr_pool_t* process_pool) {
    return ap_open_piped_log_ex(process_pool, apr_pstrdup(process_pool, program),
                                has_shell ? APR_SHELLCMD : APR_PROGRAM_ENV);
  });
  return log == nullptr ? -1 : descriptor_of(ap_piped_log_write_fd(log));
}

int open_file(apr_pool_t* pool, server_rec* server, const char* name) {
  const char* const path = ap_server_root_relative(pool, name);
  apr_file_t* file = nullptr;
  const apr_status_t status =
      path == nullptr
          ? APR_EBADPATH
          : apr_file_open(&file, path, APR_WRITE | APR_APPEND | APR_CREATE, APR_OS_DEFAULT, pool);
  if (status == APR_SUCCESS) return descriptor_of(file);
  ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, status, server,
               "WebSocketLog: cannot open %s", name);
  return -1;
}

/// As root, before the children are there. Programs are started once the process is the one that
/// stays: httpd reads its configuration twice, and may go to the background between.
int open_logs(apr_pool_t* config_pool, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  open_files.clear();
  const bool is_rehearsal = ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;
  for (server_rec* server = main_server; server != nullptr; server = server->next) {
    SessionLog* const log = server_config(server).session_log;
    // A virtual host may have its server's.
    if (log == nullptr || log->target == nullptr || log->file != nullptr) continue;
    if (*log->target == '|' && is_rehearsal) continue;
    const int descriptor = *log->target == '|' ? open_program(main_server, log->target)
                                               : open_file(config_pool, main_server, log->target);
    if (descriptor < 0) return HTTP_INTERNAL_SERVER_ERROR;
    log->file = pool_new<SessionLogFile>(config_pool, log->target, descriptor);
    open_files.push_back(log->file);
  }
  return OK;
}

}  // namespace

void register_session_log() { ap_hook_open_logs(open_logs, nullptr, nullptr, APR_HOOK_MIDDLE); }

const char* set_session_log(cmd_parms* command, void*, const char* target, const char* format) {
  if (const char* const complaint = ap_check_cmd_context(command, NOT_IN_DIR_LOC_FILE))
    return complaint;
  auto& log = server_config(command->server).session_log;
  log = pool_new<SessionLog>(command->pool);
  if (is_off(target)) return format == nullptr ? nullptr : "WebSocketLog off takes no format";
  log->target = target;
  if (view_of(target).find_first_not_of("|$ ") == std::string_view::npos)
    return "WebSocketLog takes a file's name, or | and a program; and then a format";
  return log->format.parse(command->pool, format == nullptr ? SessionLogFormat::usual : format);
}

const SessionLog* session_log_of(const server_rec* server) {
  const SessionLog* const log = server_config(server).session_log;
  return log != nullptr && log->target != nullptr ? log : nullptr;
}

void close_session_logs(engine::EventLoop& side_loop, std::chrono::milliseconds patience) {
  const auto closed = std::make_shared<std::promise<void>>();
  side_loop.post([closed, patience] {
    for (SessionLogFile* const file : open_files) file->close(patience);
    closed->set_value();
  });
  closed->get_future().wait_for(2 * patience);
}

void write_line(const SessionLog& log, std::string line) {
  child_side_loop().post(
      [file = log.file, line = std::move(line)]() mutable { file->write(std::move(line)); });
}

}  // namespace mod_ws::httpd
