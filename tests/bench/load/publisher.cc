#include "tests/bench/load/publisher.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "tests/bench/load/http_answer.h"

namespace mod_ws::bench {

Publisher::Publisher(const Target& target, std::string path)
    : stream_(target), path_(std::move(path)) {}

/// Servers that publish differ in what else they say. Without subscribers there may be no channel.
std::size_t Publisher::count_subscribers() {
  const HttpAnswer answer = get(stream_, path_, "Accept: application/json\r\n");
  constexpr std::string_view name = "\"subscribers\":";
  const std::size_t at = answer.body.find(name);
  if (answer.status != 200 || at == std::string::npos) return 0;
  return std::stoul(answer.body.substr(at + name.size()));
}

void Publisher::publish(std::string_view message) {
  std::string request = "POST " + path_ +
                        " HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                        "Content-Length: " +
                        std::to_string(message.size()) + "\r\n\r\n";
  stream_.write_all(request.append(message));
  ++unanswered_;
}

void Publisher::receive() {
  std::array<std::uint8_t, 4096> buffer;
  answers_.append(reinterpret_cast<const char*>(buffer.data()), stream_.read_some(buffer));
  while (const auto answer = parse_answer(answers_)) {
    if (unanswered_ == 0 || answer->status / 100 != 2)
      throw std::runtime_error("not published: " + answers_);
    answers_.erase(0, answer->bytes);
    --unanswered_;
  }
}

}  // namespace mod_ws::bench
