#include <ws/ws.h>

/// For the benchmark of publishing: a session that says nothing, and gets what is published.
namespace {

ws::Task<> subscriber(ws::Conn& conn) {
  conn.subscribe("bench");
  while (const auto message = co_await conn.read()) {  // only to see the end
  }
}

}  // namespace

WS_MODULE(ws_subscriber_module, {"subscriber", subscriber})
