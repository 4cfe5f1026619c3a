#include "mod_ws/httpd/keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/handler/loop_runtime.h"
#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/ledger.h"
#include "mod_ws/httpd/lifeline.h"

namespace mod_ws::httpd {
namespace {

/// What work of ws::offload() and of dialing has to come to its end; meanwhile the sessions stand
/// still.
constexpr std::chrono::milliseconds work_patience{500};
/// How often a keeper looks whether it has sessions.
constexpr int look_every_ms = 1'000;
/// What the child waits for its keeper to have begun.
constexpr int begin_patience_ms = 60'000;

/// How often a keeper looks whether it can have threads.
constexpr int look_for_threads_every_ms = 100;

/// Told by its end that the keeper has begun.
base::UniqueFd begun_end;
base::UniqueFd begins_end;

enum class Side { child, keeper, nobody };

/// Twice, so that httpd's parent does not meet a child that it does not know. No lock is held in
/// the fork but those that are let go of here.
Side fork_twice(const Kept& kept) {
  const auto work = handler::runtime().hold_work(work_patience);
  const auto channels = kept.running.exchange.hold();
  const auto mail = kept.running.engine.hold_mail();
  const auto mesh_mail = kept.running.mesh_engine.hold_mail();
  const pid_t first = ::fork();
  if (first < 0) return Side::nobody;
  if (first > 0) {
    int status = 0;
    while (::waitpid(first, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0 ? Side::child : Side::nobody;
  }
  ::setsid();
  const pid_t second = ::fork();
  if (second != 0) ::_exit(second < 0 ? 1 : 0);
  return Side::keeper;
}

// ---- the keeper's side

/// What ps shows: the process's arguments lie one behind the other, and the kernel knows where.
void set_title(const std::string& title) {
  constexpr int fields_between = 44;  // proc(5): from the 4th to the 47th
  ::prctl(PR_SET_NAME, "ws-keeper");
  std::ifstream stat("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream numbers(text.substr(std::min(text.rfind(')') + 4, text.size())));
  std::uintptr_t number = 0;
  for (int i = 0; i < fields_between; ++i) numbers >> number;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  if (!(numbers >> begin >> end) || begin == 0 || end <= begin) return;
  auto* const arguments = reinterpret_cast<char*>(begin);  // NOLINT: the kernel gives a number
  std::memset(arguments, 0, end - begin);
  title.copy(arguments, end - begin - 1);
}

bool is_httpds_listener(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) != 0 || value == 0) return false;
  size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) == 0 &&
         (value == AF_INET || value == AF_INET6);
}

/// Nobody could listen at the server's ports otherwise, as long as there is a keeper.
void close_listeners() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return;
  std::vector<int> listeners;
  while (const dirent* const entry = ::readdir(directory)) {
    int fd = -1;
    const std::string_view name(entry->d_name);
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (fd >= 0 && is_httpds_listener(fd)) listeners.push_back(fd);
  }
  ::closedir(directory);
  for (const int fd : listeners) ::close(fd);
}

/// SIGTERM ends a keeper; what else httpd's processes are told is not for it.
base::UniqueFd catch_signals() {
  for (const int ignored : {SIGHUP, SIGUSR1, SIGWINCH, SIGINT, SIGPIPE}) ::signal(ignored, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  sigset_t caught;
  ::sigemptyset(&caught);
  ::sigaddset(&caught, SIGTERM);
  ::pthread_sigmask(SIG_SETMASK, &caught, nullptr);
  return base::UniqueFd(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// Waits for one, at most so long; null when none has come.
const char* reason_to_end(int signals, int patience_ms) {
  std::array<pollfd, 2> wakers{pollfd{.fd = lifeline(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = signals, .events = POLLIN, .revents = 0}};
  if (::poll(wakers.data(), wakers.size(), patience_ms) <= 0) return nullptr;
  return wakers[0].revents != 0 ? "the server ends" : "SIGTERM";
}

/// Sessions that stand still are better than none.
void resume(Running& running, int signals) {
  for (bool is_told = false;; is_told = true) {
    try {
      return running.resume();
    } catch (const std::system_error& error) {
      if (!is_told) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "the WebSocket sessions of a child that has ended stand still until there can "
                     "be threads for them: %s",
                     error.what());
      }
    }
    if (reason_to_end(signals, look_for_threads_every_ms) != nullptr)
      throw std::runtime_error("told to end before there were threads");
  }
}

/// Returns when there is nothing more to keep; else why it has to end.
const char* keep(const engine::Engine& engine, int signals) {
  while (engine.resident_count() > 0) {
    if (const char* const reason = reason_to_end(signals, look_every_ms)) return reason;
  }
  return nullptr;
}

[[noreturn]] void run_keeper(const Kept& kept, pid_t child, base::UniqueFd begun) {
  int status = EXIT_SUCCESS;
  try {
    set_title("ws-keeper of httpd " + std::to_string(httpds_parent()));
    close_listeners();
    session_ledger().change_owner(child, ::getpid());
    board().change_owner(child, ::getpid());
    begun.reset();
    ::malloc_trim(0);  // what httpd's threads have used
    const base::UniqueFd signals = catch_signals();
    const engine::Engine& sessions = kept.running.engine;
    handler::runtime().take_over_work();
    resume(kept.running, signals.get());
    if (kept.drain) kept.running.engine.drain(*kept.drain);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
                 "keeps %" APR_SIZE_T_FMT " WebSocket sessions of child %" APR_PID_T_FMT,
                 sessions.resident_count(), child);
    if (const char* const reason = keep(sessions, signals.get())) {
      ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                   "%" APR_SIZE_T_FMT " kept WebSocket sessions are closed with 1001: %s",
                   sessions.resident_count(), reason);
    } else {
      ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf, "has no WebSocket session left");
    }
    kept.running.stop(std::chrono::milliseconds(0));
  } catch (const std::exception& error) {
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "a keeper fails, and its WebSocket sessions are lost: %s", error.what());
    status = EXIT_FAILURE;
  }
  ::_exit(status);  // nothing here is this process's to clean up
}

// ---- the child's side

/// From then on what the sessions hold is not given back when the child has gone.
void wait_until_begun(int pipe) {
  pollfd begun{.fd = pipe, .events = POLLIN, .revents = 0};
  while (::poll(&begun, 1, begin_patience_ms) < 0 && errno == EINTR) {
  }
}

}  // namespace

void reserve_for_keeper() {
  if (begun_end) return;
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  begun_end = base::UniqueFd(ends[0]);
  begins_end = base::UniqueFd(ends[1]);
}

bool fork_keeper(const Kept& kept) {
  base::UniqueFd begun = std::move(begun_end);
  base::UniqueFd begins = std::move(begins_end);
  const pid_t child = ::getpid();
  kept.running.pause();
  switch (fork_twice(kept)) {
    case Side::keeper:
      begun.reset();
      run_keeper(kept, child, std::move(begins));
    case Side::child:
      begins.reset();
      wait_until_begun(begun.get());
      return true;
    case Side::nobody:
      break;
  }
  ap_log_error(APLOG_MARK, APLOG_ERR, errno, ap_server_conf, "no process to keep sessions in");
  handler::runtime().go_on_with_work();
  try {
    kept.running.resume();
  } catch (const std::exception& error) {
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "nor threads for them to say goodbye in: %s", error.what());
  }
  return false;
}

}  // namespace mod_ws::httpd
