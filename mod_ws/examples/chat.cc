#include <ws/ws.h>

#include <algorithm>

namespace {

constexpr std::size_t max_name_bytes = 30;

/// "?name=": letters and digits of ASCII, so that it is readable in the log too.
std::string name_of(const ws::Request& request) {
  const auto name = request.query_parameter("name").value_or(std::string(request.user));
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
  return is_plain && name.size() <= max_name_bytes ? name : "";
}

void refuse_nameless(const ws::Request& request, ws::Response& response) {
  if (name_of(request).empty())
    response.refuse(400, "Choose a name: ?name=, of letters and digits, 30 at the most.\n");
}

/// Tells the room when its member comes and, however the session ends, when it leaves.
class Presence {
 public:
  Presence(std::string channel, std::string name)
      : channel_(std::move(channel)), name_(std::move(name)) {
    say(name_ + " has joined");
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() { say(name_ + " has left"); }

  void say(const std::string& text) const { ws::publish(channel_, ws::MessageType::text, text); }

 private:
  std::string channel_;
  std::string name_;
};

/// A room for everybody who has the same "?room=", in whatever child of the server they are.
ws::Task<> chat(ws::Conn& conn) {
  const ws::Request request = conn.request();
  const std::string name = name_of(request);
  const std::string channel = "chat/" + request.query_parameter("room").value_or("lobby");
  conn.subscribe(channel);
  const Presence presence(channel, name);
  const std::string count = std::to_string(co_await ws::count_subscribers(channel)) + " here";
  if (co_await conn.write(ws::MessageType::text, count)) co_return;
  while (const auto message = co_await conn.read()) {
    if (message->type == ws::MessageType::text) presence.say(name + ": " + message->payload);
  }
}

}  // namespace

WS_MODULE(ws_chat_module, {"chat", chat, {.respond = refuse_nameless, .read_limit = 4 << 10}})
