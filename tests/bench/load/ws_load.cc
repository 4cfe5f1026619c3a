// Load for WebSocket servers: `ws_load` without arguments tells what it does.

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>

#include "tests/bench/load/broadcast_load.h"
#include "tests/bench/load/churn_load.h"
#include "tests/bench/load/echo_load.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/process_tree.h"

namespace {

using namespace mod_ws::bench;
using std::chrono::milliseconds;

/// The server's, if it is to be looked at.
class Server {
 public:
  explicit Server(const Options& options) {
    if (options.server != 0) processes_.emplace(options.server);
  }
  Usage usage() const { return processes_ ? processes_->usage() : Usage{}; }

 private:
  std::optional<ProcessTree> processes_;
};

/// What `work` did, and what it cost the server.
void report(const Options& options, const std::function<Latencies(milliseconds)>& work) {
  const Server server(options);
  const Usage before = server.usage();
  const auto begin = Clock::now();
  const Latencies latencies = work(options.duration);
  const std::chrono::duration<double> time = Clock::now() - begin;
  const Usage after = server.usage();
  // A thread that has ended takes its CPU time along.
  if (after.cpu_ns < before.cpu_ns) throw std::runtime_error("threads of the server have ended");
  const auto cpu_ns = static_cast<double>(after.cpu_ns - before.cpu_ns);
  const auto count = static_cast<double>(latencies.count());
  if (count == 0) throw std::runtime_error("nothing was answered");
  std::printf(
      R"({"count": %.0f, "per_second": %.0f, "mb_per_second": %.1f, "cpu_us": %.3f, "server_cores": %.3f, )"
      R"("p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "memory_bytes": %llu})"
      "\n",
      count, count / time.count(),
      count * static_cast<double>(options.content.payload_bytes) / time.count() / 1e6,
      cpu_ns / 1e3 / count, cpu_ns / 1e9 / time.count(), latencies.quantile_us(0.5),
      latencies.quantile_us(0.99), latencies.quantile_us(0.999),
      static_cast<unsigned long long>(after.memory_bytes));
  std::fflush(stdout);
}

/// While this looks at the server, messages wait: their latency is not the server's.
Latencies run_anew(EchoLoad& load, milliseconds duration) {
  load.run(milliseconds(20));
  load.forget_latencies();
  load.run(duration);
  return load.latencies();
}

/// Every message that was due counts, however late its echo.
Latencies run_at_rate(EchoLoad& load, milliseconds duration) {
  load.forget_latencies();
  load.run_at_rate(duration);
  load.settle();
  return load.latencies();
}

/// Whoever counts system calls meanwhile counts those of each message that has begun.
Latencies run_whole(EchoLoad& load, milliseconds duration) {
  load.forget_latencies();
  load.run(duration);
  load.settle();
  return load.latencies();
}

void wait_for_line(const Options& options, const char* what) {
  if (!options.waits_for_input) return;
  std::puts(what);
  std::fflush(stdout);
  while (std::getchar() != '\n' && !std::feof(stdin)) {
  }
}

void echo_at_rate(const Options& options) {
  EchoLoad load(options);
  run_at_rate(load, options.warm_up);
  report(options, [&load](milliseconds duration) { return run_at_rate(load, duration); });
}

void echo(const Options& options) {
  if (options.rate > 0) return echo_at_rate(options);
  EchoLoad load(options);
  load.run(options.warm_up);
  load.settle();
  wait_for_line(options, R"({"warm": true})");
  report(options, [&](milliseconds duration) {
    return options.waits_for_input ? run_whole(load, duration) : run_anew(load, duration);
  });
  load.settle();
  wait_for_line(options, R"({"done": true})");
}

/// Slices of the duration; between two of them a tenth of the sessions is closed, and others
/// opened.
void soak(const Options& options) {
  constexpr int slices = 20;
  Options slice = options;
  slice.duration = options.duration / slices;
  EchoLoad load(slice);
  for (int i = 0; i < slices; ++i) {
    report(slice, [&load](milliseconds duration) { return run_anew(load, duration); });
    load.settle();
    load.replace((options.connections + 9) / 10);
  }
}

/// So that the server has made what it makes once.
Options few_of(Options options) {
  constexpr std::size_t few = 500;
  options.connections = few;
  return options;
}

void echo_once(EchoLoad& load) {
  load.run(milliseconds(0));
  load.settle();
}

void idle(const Options& options) {
  const Options few = few_of(options);
  EchoLoad first(few);
  echo_once(first);
  const Server server(options);
  const Usage before = server.usage();
  EchoLoad load(options);
  echo_once(load);
  const auto growth =
      static_cast<double>(server.usage().memory_bytes) - static_cast<double>(before.memory_bytes);
  std::printf(R"({"bytes_a_session": %.0f})"
              "\n",
              growth / static_cast<double>(options.connections));
}

bool has_input() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) > 0;
}

/// Answers pings meanwhile; and at the end, each must still be there.
void hold(const Options& options) {
  EchoLoad load(options);
  echo_once(load);
  std::puts(R"({"held": true})");
  std::fflush(stdout);
  while (!has_input()) load.wait(milliseconds(100));
  echo_once(load);
}

void broadcast(const Options& options) {
  BroadcastLoad load(options);
  load.run(options.warm_up);
  wait_for_line(options, R"({"subscribed": true})");
  report(options, [&load](milliseconds duration) { return load.run(duration); });
  load.listen(milliseconds(50));
  wait_for_line(options, R"({"done": true})");
}

void upgrade(const Options& options) {
  open_sessions(options, options.warm_up);
  report(options, [&options](milliseconds duration) { return open_sessions(options, duration); });
}

void http(const Options& options) {
  get_pages(options, options.warm_up);
  report(options, [&options](milliseconds duration) { return get_pages(options, duration); });
}

void run(Options options) {
  const std::map<std::string, void (*)(const Options&)> modes{
      {"echo", echo},       {"soak", soak}, {"idle", idle},          {"hold", hold},
      {"upgrade", upgrade}, {"http", http}, {"broadcast", broadcast}};
  const auto mode = modes.find(options.mode);
  if (mode == modes.end()) throw std::runtime_error("no such mode: " + options.mode);
  const TlsContext tls = make_tls_context();
  if (options.uses_tls) options.target.tls = tls.get();
  mode->second(options);
}

}  // namespace

int main(int argc, char** argv) {
  // SSL_write() has no MSG_NOSIGNAL; a server's end is told as an error, like any other.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    run(parse_options(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ws_load: %s\n", error.what());
    return 1;
  }
}
