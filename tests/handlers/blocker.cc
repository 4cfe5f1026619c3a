#include <ws/ws.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

/// A handler that does what none should: it blocks, until there is the file that its option names.
namespace {

using namespace std::chrono_literals;

void block_until_there_is(const std::string& file) {
  while (!std::filesystem::exists(file)) std::this_thread::sleep_for(1ms);
}

ws::Task<> dial_and_block(std::string url, std::string file) {
  const ws::Dialer dialer;
  ws::DialResult dialed = co_await dialer.dial(url);
  if (!dialed) co_return;
  const auto error = co_await dialed.client->write(ws::MessageType::text, "hello");
  if (error) co_return;
  const auto echo = co_await dialed.client->read();
  block_until_there_is(file);
}

ws::Task<> blocker(ws::Conn& conn) {
  const std::string file(conn.option("file").value_or(""));
  while (const auto message = co_await conn.read()) {
    if (message->payload == "after a sleep") co_await ws::sleep_for(1ms);
    if (message->payload == "after work elsewhere") co_await ws::offload([] {});
    if (message->payload == "after a count") co_await ws::count_subscribers("nobody");
    if (message->payload == "after a dialed message")
      co_await dial_and_block(std::string(conn.option("url").value_or("")), file);
    block_until_there_is(file);
    const auto error = co_await conn.write(ws::MessageType::text, "done");
    if (error) break;
  }
}

}  // namespace

WS_MODULE(ws_blocker_module, {"blocker", blocker})
