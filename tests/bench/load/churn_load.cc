#include "tests/bench/load/churn_load.h"

#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/bench/load/http_answer.h"

namespace mod_ws::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Turn = std::function<void()>;

Latencies repeat(const Turn& turn, Clock::time_point end) {
  Latencies latencies;
  while (Clock::now() < end) {
    const auto begin = Clock::now();
    turn();
    latencies.add(Clock::now() - begin);
  }
  return latencies;
}

/// `make_turn` makes each thread's own.
Latencies repeat_on_threads(std::size_t threads, std::chrono::milliseconds duration,
                            const std::function<Turn()>& make_turn) {
  const auto end = Clock::now() + duration;
  std::vector<std::future<Latencies>> parts;
  for (std::size_t i = 0; i < threads; ++i)
    parts.push_back(std::async(std::launch::async, [&] { return repeat(make_turn(), end); }));
  Latencies all;
  for (auto& part : parts) all.add(part.get());
  return all;
}

void get_page(Stream& stream, const std::string& path) {
  if (get(stream, path).status != 200) throw std::runtime_error("no page at " + path);
}

}  // namespace

Latencies open_sessions(const Options& options, std::chrono::milliseconds duration) {
  return repeat_on_threads(options.connections, duration, [&options]() -> Turn {
    return [&options] {
      Stream stream(options.target);
      stream.upgrade(options.target, options.handshake_headers());
      stream.reset_on_close();
    };
  });
}

Latencies get_pages(const Options& options, std::chrono::milliseconds duration) {
  return repeat_on_threads(options.connections, duration, [&options]() -> Turn {
    auto stream = std::make_shared<Stream>(options.target);
    return [&options, stream] { get_page(*stream, options.target.path); };
  });
}

}  // namespace mod_ws::bench
