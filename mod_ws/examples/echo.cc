#include <ws/ws.h>

namespace {

/// Sends every message back.
ws::Task<> echo(ws::Conn& conn) {
  while (auto message = co_await conn.read()) {
    if (co_await conn.write(*message)) break;
  }
}

}  // namespace

WS_MODULE(ws_echo_module, {"echo", echo})
