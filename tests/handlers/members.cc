#include <unistd.h>
#include <ws/ws.h>

#include <chrono>
#include <filesystem>
#include <thread>

/// Handlers for the tests of channels, and of what a handler may ask for.
namespace {

using namespace std::chrono_literals;

ws::Task<> say(ws::Conn& conn, std::string text) {
  [[maybe_unused]] const auto error =
      co_await conn.write(ws::MessageType::text, std::string_view(text));
}

/// Subscribes to the channel of the query, says which process it is in, and does what it is told:
/// "count", "leave", "join NAME", "thread TEXT" (publishes from another thread), "block FILE" (its
/// loop, until there is the file), "will TEXT" (publishes it when the session is over); anything
/// else is published.
ws::Task<> member(ws::Conn& conn) {
  const std::string channel(conn.request().query());
  std::string will;
  conn.subscribe(channel);
  co_await say(conn, "pid " + std::to_string(::getpid()));
  while (const auto message = co_await conn.read()) {
    const std::string& text = message->payload;
    if (text == "count") {
      co_await say(conn, "count " + std::to_string(co_await ws::count_subscribers(channel)));
    } else if (text == "leave") {
      conn.unsubscribe(channel);
      co_await say(conn, "left");
    } else if (text.starts_with("join ")) {
      conn.subscribe(text.substr(5));
      co_await say(conn, "joined");
    } else if (text.starts_with("thread ")) {
      std::thread([channel, text] { ws::publish(channel, ws::MessageType::text, text); }).detach();
    } else if (text.starts_with("block ")) {
      while (!std::filesystem::exists(text.substr(6))) std::this_thread::sleep_for(1ms);
    } else if (text.starts_with("will ")) {
      will = text.substr(5);
      co_await say(conn, "noted");
    } else {
      ws::publish(channel, *message);
    }
  }
  if (!will.empty()) ws::publish(channel, ws::MessageType::text, will);
}

/// Says what it was asked for: "header NAME", "cookie NAME", "query NAME", "option NAME".
ws::Task<> facts(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    std::string_view name = message->payload;
    const auto what = ws::detail::take_until(name, ' ');
    std::optional<std::string> value;
    if (what == "header") value = conn.request().header(name);
    if (what == "cookie") value = conn.request().cookie(name);
    if (what == "option") value = conn.option(name);
    if (what == "query") value = conn.request().query_parameter(name);
    co_await say(conn, value.value_or("nothing"));
  }
}

bool is_friend(const ws::Request& request) {
  return request.header("Origin") == "https://friend.example";
}

/// "?throw" throws, "?publish=TEXT" is published to the channel "room", and "?refuse=STATUS" is
/// refused so, with the body in "?body="; else there are two more headers, of which one must not
/// be.
void respond(const ws::Request& request, ws::Response& response) {
  response.add_header("X-Handler", request.user.empty() ? "nobody" : request.user);
  response.add_header("X-Split", "a\r\nX-Evil: b");
  response.add_header("Sec-WebSocket-Accept", "no");
  if (request.query() == "throw") throw 42;
  if (const auto text = request.query_parameter("publish"))
    ws::publish("room", ws::MessageType::text, *text);
  if (const auto status = request.query_parameter("refuse"))
    response.refuse(std::stoi(*status), request.query_parameter("body").value_or(""));
}

}  // namespace

WS_MODULE(ws_members_module, {"member", member},
          {"facts", facts, {.kept_headers = {"Cookie", "X-Kept"}}},
          {"choosy",
           facts,
           {.subprotocols = {"v2", "v1"},
            .check_origin = is_friend,
            .respond = respond,
            .read_limit = 100,
            .compression = ws::Upgrader::Compression::off}})
