#include <ws/ws.h>

#include <algorithm>
#include <cstring>

/// Handlers for the tests of messages that are read in pieces.
namespace {

/// What the tests send: byte i of a message is i % 251.
constexpr std::size_t period = 251;

std::string periods(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i % period);
  return text;
}

class PatternCheck {
 public:
  void add(std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t phase = size_ % period;
      const auto part = piece.substr(0, pattern_.size() - phase);
      good_ = good_ && std::memcmp(part.data(), pattern_.data() + phase, part.size()) == 0;
      size_ += part.size();
      piece.remove_prefix(part.size());
    }
  }
  std::string result() const { return std::to_string(size_) + (good_ ? " good" : " BAD"); }

 private:
  const std::string pattern_ = periods(64 << 10);
  std::size_t size_ = 0;
  bool good_ = true;
};

/// Tells of each message how long it was, and whether it was what the tests send.
ws::Task<> measure(ws::Conn& conn) {
  while (auto reader = co_await conn.next_reader()) {
    PatternCheck check;
    while (auto piece = co_await reader->read()) check.add(*piece);
    const std::string result = check.result();
    if (co_await conn.write(ws::MessageType::text, result)) break;
  }
}

/// Tells of each message how long it was.
ws::Task<> swallow(ws::Conn& conn) {
  while (auto reader = co_await conn.next_reader()) {
    std::size_t size = 0;
    while (auto piece = co_await reader->read()) size += piece->size();
    const std::string result = std::to_string(size);
    if (co_await conn.write(ws::MessageType::text, result)) break;
  }
}

/// Sends every piece of a message back as a message, as soon as it is there.
ws::Task<> pieces(ws::Conn& conn) {
  while (auto reader = co_await conn.next_reader()) {
    while (auto piece = co_await reader->read()) {
      if (co_await conn.write(reader->type(), *piece)) break;
    }
  }
}

}  // namespace

WS_MODULE(ws_streams_module, {"measure", measure}, {"swallow", swallow}, {"pieces", pieces})
