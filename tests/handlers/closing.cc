#include <ws/ws.h>

#include <charconv>

/// A handler for the tests of closing handshakes that the server begins.
namespace {

constexpr std::string_view asked_in_uri = "?code=";
constexpr std::string_view asked_in_message = "close ";

struct Wish {
  ws::CloseCode code;
  std::string_view reason;
};

/// "4001", or "4001", a separator and a reason.
std::optional<Wish> parse_wish(std::string_view text) {
  std::uint16_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return Wish{static_cast<ws::CloseCode>(code), text};
}

std::optional<Wish> wish_in_uri(std::string_view uri) {
  const auto at = uri.find(asked_in_uri);
  if (at == std::string_view::npos) return std::nullopt;
  return parse_wish(uri.substr(at + asked_in_uri.size()));
}

std::optional<Wish> wish_in_message(std::string_view text) {
  if (!text.starts_with(asked_in_message)) return std::nullopt;
  return parse_wish(text.substr(asked_in_message.size()));
}

/// What is written behind the Close must not be sent.
ws::Task<> close(ws::Conn& conn, Wish wish) {
  co_await conn.close(wish.code, wish.reason);
  const std::string late = "late";
  [[maybe_unused]] const auto error = co_await conn.write(ws::MessageType::text, late);
}

/// Closes as the URI's "?code=4001,bye" says, at once, or as the message "close 4001 bye" says.
/// Echoes other messages.
ws::Task<> closing(ws::Conn& conn) {
  if (const auto wish = wish_in_uri(conn.request().uri)) {
    co_await close(conn, *wish);
    co_return;
  }
  while (const auto message = co_await conn.read()) {
    if (const auto wish = wish_in_message(message->payload)) {
      co_await close(conn, *wish);
      co_return;
    }
    if (co_await conn.write(*message)) break;
  }
}

}  // namespace

WS_MODULE(ws_closing_module, {"closing", closing})
