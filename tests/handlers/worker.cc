#include <ws/ws.h>

#include <charconv>
#include <chrono>
#include <exception>
#include <thread>

/// Works elsewhere for as many milliseconds as a message says, or for ever.
namespace {

ws::Task<> say(ws::Conn& conn, std::string text) {
  [[maybe_unused]] const auto error =
      co_await conn.write(ws::MessageType::text, std::string_view(text));
}

ws::Task<> worker(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    long ms = 3'600'000;
    const std::string& text = message->payload;
    std::from_chars(text.data(), text.data() + text.size(), ms);
    co_await say(conn, "begun");
    const auto work = [ms] { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
    std::string result = "done";
    try {
      co_await ws::offload(work);
    } catch (const std::exception& error) {
      result = error.what();
    }
    co_await say(conn, result);
  }
}

}  // namespace

WS_MODULE(ws_worker_module, {"worker", worker})
