#include <ws/ws.h>

/// A table with every field of Upgrader, and with some.
namespace {

ws::Task<> echo(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
}

bool accept_all(const ws::Request&) { return true; }

void add_a_header(const ws::Request& request, ws::Response& response) {
  response.add_header("X-Path", request.path());
}

}  // namespace

WS_MODULE(ws_upgraders_module, {"nothing said", echo}, {"some said", echo, {.read_limit = 1 << 10}},
          {"all said",
           echo,
           {.subprotocols = {"chat.v2", "chat.v1"},
            .kept_headers = {"Cookie"},
            .check_origin = accept_all,
            .respond = add_a_header,
            .read_limit = 1 << 20,
            .write_buffer_size = 1 << 16,
            .handshake_timeout = std::chrono::seconds(3),
            .compression = ws::Upgrader::Compression::off}})
