#include "tests/bench/load/http_answer.h"

#include <array>
#include <charconv>
#include <stdexcept>

namespace mod_ws::bench {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t no_content = 204;

std::size_t number_behind(std::string_view name, std::string_view head) {
  std::size_t number = 0;
  const std::size_t at = head.find(name);
  const std::string_view rest =
      at == std::string_view::npos ? std::string_view{} : head.substr(at + name.size());
  if (std::from_chars(rest.data(), rest.data() + rest.size(), number).ec != std::errc{}) {
    throw std::runtime_error("not the answer that was expected: " + std::string(head));
  }
  return number;
}

}  // namespace

std::optional<HttpAnswer> parse_answer(std::string_view received) {
  const std::size_t end = received.find(head_end);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view head = received.substr(0, end + head_end.size());
  HttpAnswer answer{.status = number_behind("HTTP/1.1 ", head), .body = {}};
  const std::size_t size =
      answer.status == no_content ? 0 : number_behind("Content-Length: ", head);
  if (received.size() - head.size() < size) return std::nullopt;
  answer.body = received.substr(head.size(), size);
  answer.bytes = head.size() + size;
  return answer;
}

HttpAnswer get(Stream& stream, const std::string& path, std::string_view more_headers) {
  std::string received = stream.ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                                    std::string(more_headers) + "\r\n");
  std::array<std::uint8_t, 4096> buffer;
  while (true) {
    if (auto answer = parse_answer(received)) return *std::move(answer);
    received.append(reinterpret_cast<const char*>(buffer.data()), stream.read_some(buffer));
  }
}

}  // namespace mod_ws::bench
