#include <ws/ws.h>

#include <ctime>

namespace {

using namespace std::chrono_literals;

std::string time_of_day() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::string text(sizeof "12:34:56", '\0');
  text.resize(std::strftime(text.data(), text.size(), "%T", &local));
  return text;
}

/// Sends the time to a server, once a second.
ws::Task<> tick(ws::Conn& server) {
  while (true) {
    const std::string time = time_of_day();
    const auto error = co_await server.write(ws::MessageType::text, time);
    if (error) co_return;
    co_await ws::sleep_for(1s);
  }
}

/// Dials the server that `WebSocketHandlerOption url` names, for each of its own clients: they get
/// what it answers to a ticker, and it gets what they send.
ws::Task<> client(ws::Conn& conn) {
  const ws::Dialer dialer{.handshake_timeout = 5s};
  const std::string url(conn.option("url").value_or(""));
  ws::DialResult dialed = co_await dialer.dial(url);
  if (!dialed) {
    co_await conn.close(ws::CloseCode::bad_gateway, dialed.error.message);
    co_return;
  }
  ws::Conn& server = *dialed.client;
  server.spawn(tick(server));
  const auto forward = [](ws::Conn& from, ws::Conn& to) -> ws::Task<> {
    while (const auto message = co_await from.read()) {
      const auto error = co_await to.write(*message);
      if (error) break;
    }
    co_await to.close();
  };
  conn.spawn(forward(server, conn));
  co_await forward(conn, server);
}

}  // namespace

WS_MODULE(ws_client_module, {"client", client})
