// Load for WebSocket servers: `ws_load` without arguments tells what it does.

#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <stdexcept>

#include "tests/bench/load/churn_load.h"
#include "tests/bench/load/echo_load.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/process_tree.h"

namespace {

using namespace mod_ws::bench;
using std::chrono::milliseconds;

Usage usage_of(const Options& options) {
  return options.server != 0 ? usage_of_tree(options.server) : Usage{};
}

/// What `work` did, and what it cost the server.
void report(const Options& options, const std::function<Latencies(milliseconds)>& work) {
  const Usage before = usage_of(options);
  const auto begin = Clock::now();
  const Latencies latencies = work(options.duration);
  const std::chrono::duration<double> time = Clock::now() - begin;
  const Usage after = usage_of(options);
  const auto cpu_ns = static_cast<double>(after.cpu_ns - before.cpu_ns);
  const auto count = static_cast<double>(latencies.count());
  if (count == 0) throw std::runtime_error("nothing was answered");
  std::printf(
      R"({"per_second": %.0f, "mb_per_second": %.1f, "cpu_us": %.3f, "server_cores": %.3f, )"
      R"("p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "memory_bytes": %llu})"
      "\n",
      count / time.count(),
      count * static_cast<double>(options.content.payload_bytes) / time.count() / 1e6,
      cpu_ns / 1e3 / count, cpu_ns / 1e9 / time.count(), latencies.quantile_us(0.5),
      latencies.quantile_us(0.99), latencies.quantile_us(0.999),
      static_cast<unsigned long long>(after.memory_bytes));
  std::fflush(stdout);
}

void echo(const Options& options) {
  EchoLoad load(options);
  load.run(options.warm_up);
  load.forget_latencies();
  report(options, [&load](milliseconds duration) {
    load.run(duration);
    return load.latencies();
  });
  load.settle();
}

/// Slices of the duration; between two of them a tenth of the sessions is closed, and others
/// opened.
void soak(const Options& options) {
  constexpr int slices = 20;
  Options slice = options;
  slice.duration = options.duration / slices;
  EchoLoad load(slice);
  for (int i = 0; i < slices; ++i) {
    load.forget_latencies();
    report(slice, [&load](milliseconds duration) {
      load.run(duration);
      return load.latencies();
    });
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

EchoLoad echoed_once(const Options& options) {
  EchoLoad load(options);
  load.run(milliseconds(0));
  load.settle();
  return load;
}

void idle(const Options& options) {
  const Options few = few_of(options);
  const EchoLoad first = echoed_once(few);
  const Usage before = usage_of(options);
  const EchoLoad load = echoed_once(options);
  const auto growth = static_cast<double>(usage_of(options).memory_bytes) -
                      static_cast<double>(before.memory_bytes);
  std::printf(R"({"bytes_a_session": %.0f})"
              "\n",
              growth / static_cast<double>(options.connections));
}

void hold(const Options& options) {
  const EchoLoad load = echoed_once(options);
  std::puts(R"({"held": true})");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
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
  const std::map<std::string, void (*)(const Options&)> modes{{"echo", echo},       {"soak", soak},
                                                              {"idle", idle},       {"hold", hold},
                                                              {"upgrade", upgrade}, {"http", http}};
  const auto mode = modes.find(options.mode);
  if (mode == modes.end()) throw std::runtime_error("no such mode: " + options.mode);
  const TlsContext tls = make_tls_context();
  if (options.uses_tls) options.target.tls = tls.get();
  mode->second(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse_options(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ws_load: %s\n", error.what());
    return 1;
  }
}
