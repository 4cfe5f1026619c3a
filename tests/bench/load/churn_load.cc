#include "tests/bench/load/churn_load.h"

#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
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

/// One page, again and again.
class PageReader {
 public:
  explicit PageReader(const Target& target) : path_(target.path), stream_(target) {
    page_ = read();
  }
  void read_again() {
    if (read() != page_) throw std::runtime_error("another page at " + path_);
  }

 private:
  std::string read() {
    HttpAnswer answer = get(stream_, path_);
    if (answer.status != 200 || answer.body.empty())
      throw std::runtime_error("no page at " + path_);
    return std::move(answer.body);
  }

  std::string path_;
  Stream stream_;
  std::string page_;
};

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
    return [reader = std::make_shared<PageReader>(options.target)] { reader->read_again(); };
  });
}

}  // namespace mod_ws::bench
