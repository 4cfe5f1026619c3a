#include "tests/bench/load/options.h"

#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>

namespace mod_ws::bench {
namespace {

constexpr const char* usage = R"(usage: ws_load MODE --port N [OPTION...]

Puts load on a WebSocket server at 127.0.0.1, checks every answer, and prints one line of JSON.

  echo       sessions with messages under way: rate, latency, the server's CPU time for a message
  soak       the same in twenty slices, a line for each, between which a tenth of the sessions is replaced
  idle       sessions that have echoed once, and then stay: the server's memory for each
  hold       the same, and they stay until standard input ends
  broadcast  subscribers, and one who publishes by POST: deliveries a second, latency from publishing to
             each, the server's CPU time for a delivery; GET has to answer with {"subscribers": N}
  upgrade    opening handshakes, each on a connection of its own
  http       requests for a page on connections kept alive

  --path P           /
  --server PID       the server's first process; without it neither CPU time nor memory is told
  --connections N    50
  --in-flight N      messages under way on each; of broadcast, those that have not reached all; 1
  --rate N           echo: so many messages a second in all, each at its time, which its latency counts
                     from; else the next one is due when there is an answer
  --publish-path P   where broadcast posts
  --size BYTES       of a message, 32
  --binary, --json   else text of random letters
  --deflate          permessage-deflate without context takeover
  --tls
  --think MS         from an echo to the next message, 0
  --warm-up MS       300
  --duration MS      2000
  --wait             echo, broadcast: begins, and ends, after a line on standard input; it says when it can)";

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) throw std::runtime_error(usage);
  return value;
}

std::chrono::milliseconds milliseconds(std::string_view text) {
  return std::chrono::milliseconds(number(text));
}

using Set = std::function<void(Options&, std::string_view)>;

const std::map<std::string_view, Set>& settings() {
  static const std::map<std::string_view, Set> all{
      {"--port", [](Options& o, auto v) { o.target.port = static_cast<std::uint16_t>(number(v)); }},
      {"--path", [](Options& o, auto v) { o.target.path = v; }},
      {"--server", [](Options& o, auto v) { o.server = static_cast<pid_t>(number(v)); }},
      {"--connections", [](Options& o, auto v) { o.connections = number(v); }},
      {"--in-flight", [](Options& o, auto v) { o.in_flight = number(v); }},
      {"--rate", [](Options& o, auto v) { o.rate = number(v); }},
      {"--publish-path", [](Options& o, auto v) { o.publish_path = v; }},
      {"--size", [](Options& o, auto v) { o.content.payload_bytes = number(v); }},
      {"--think", [](Options& o, auto v) { o.think_time = milliseconds(v); }},
      {"--warm-up", [](Options& o, auto v) { o.warm_up = milliseconds(v); }},
      {"--duration", [](Options& o, auto v) { o.duration = milliseconds(v); }}};
  return all;
}

const std::map<std::string_view, std::function<void(Options&)>>& flags() {
  static const std::map<std::string_view, std::function<void(Options&)>> all{
      {"--binary", [](Options& o) { o.content.is_binary = true; }},
      {"--json", [](Options& o) { o.content.is_json = true; }},
      {"--deflate", [](Options& o) { o.content.is_compressed = true; }},
      {"--wait", [](Options& o) { o.waits_for_input = true; }},
      {"--tls", [](Options& o) { o.uses_tls = true; }}};
  return all;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  if (argc < 2) throw std::runtime_error(usage);
  options.mode = argv[1];
  for (int i = 2; i < argc; ++i) {
    if (const auto flag = flags().find(argv[i]); flag != flags().end()) {
      flag->second(options);
    } else if (const auto set = settings().find(argv[i]); set != settings().end() && i + 1 < argc) {
      set->second(options, argv[++i]);
    } else {
      throw std::runtime_error(usage);
    }
  }
  if (options.target.port == 0 || options.in_flight == 0 || options.connections == 0)
    throw std::runtime_error(usage);
  return options;
}

}  // namespace mod_ws::bench
