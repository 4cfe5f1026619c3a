#include "tests/bench/load/churn_load.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <vector>

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

std::size_t content_length(const std::string& answer) {
  constexpr std::string_view name = "Content-Length: ";
  const auto at = answer.find(name);
  if (!answer.starts_with("HTTP/1.1 200") || at == std::string::npos)
    throw std::runtime_error("no page: " + answer);
  return std::stoul(answer.substr(at + name.size()));
}

void get_page(Stream& stream, const std::string& path) {
  const std::string answer = stream.ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::size_t there = answer.size() - (answer.find("\r\n\r\n") + 4);
  std::size_t left = content_length(answer) - there;
  std::array<std::uint8_t, 4096> buffer;
  while (left > 0) left -= stream.read_some(std::span(buffer).first(std::min(left, buffer.size())));
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
