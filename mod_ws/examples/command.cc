#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ws/ws.h>

#include <stdexcept>

namespace {

/// `sh -c` of a command line, in a process group of its own; one socket is its input and output.
struct Process {
  explicit Process(const std::string& command) {
    int ends[] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) pid = ::fork();
    if (pid == 0) run(command.c_str(), ends[1]);
    io = ends[0];
    ::close(ends[1]);
    if (pid > 0) ::setpgid(pid, pid);  // as run() does: whoever comes first
  }
  Process(const Process&) = delete;
  ~Process() {
    ::close(io);
    if (pid > 0 && ::kill(-pid, SIGKILL) == 0) ::waitpid(pid, nullptr, WNOHANG);
  }
  int io = -1;
  pid_t pid = -1;  ///< Below 0: there is none.
  [[noreturn]] static void run(const char* command, int end) {
    ::setpgid(0, 0);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(end, fd);
    ::signal(SIGINT, SIG_DFL);  // httpd has a handler
    const sigset_t none{};      // and a loop's thread blocks all
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execl("/bin/sh", "sh", "-c", command, nullptr);
    ::_exit(127);
  }
};

/// Sends what the command prints, a message for each line; what is no UTF-8 is left out.
ws::Task<> send_output(ws::Conn& conn, std::shared_ptr<Process> process) {
  std::string text;
  char part[4096];
  while (true) {
    co_await ws::wait_readable(process->io);
    const auto size = ::recv(process->io, part, sizeof part, MSG_DONTWAIT);
    if (size <= 0) break;
    text.append(part, static_cast<std::size_t>(size));
    if (text.size() > 64 << 10) text += '\n';  // a line is cut there
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const auto line = std::string_view(text).substr(0, end);
      const auto error = co_await conn.write(ws::MessageType::text, line);
      if (error.reason() == ws::Error::Reason::closed) co_return;
      text.erase(0, end + 1);
    }
  }
  co_await conn.close();
}

/// Runs `WebSocketHandlerOption command LINE` for the session: messages are lines of its input.
ws::Task<> command(ws::Conn& conn) {
  const auto process = std::make_shared<Process>(std::string(conn.option("command").value_or("")));
  if (process->pid < 0) throw std::runtime_error("no process for the command");
  conn.spawn(send_output(conn, process));
  while (auto message = co_await conn.read()) {
    for (std::string_view left = message->payload += '\n'; !left.empty();) {
      co_await ws::wait_writable(process->io);
      const auto size = ::send(process->io, left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      left.remove_prefix(size < 0 ? left.size() : static_cast<std::size_t>(size));
    }
  }
  for (const int signal : {SIGINT, SIGKILL}) {
    ::kill(-process->pid, signal);
    co_await ws::sleep_for(std::chrono::seconds(1));
  }
}  // where it is reaped, without a wait on the loop's thread

}  // namespace

WS_MODULE(ws_command_module, {"command", command})
