#include <ws/ws.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <thread>

/// Makes the mistake that a message names.
namespace {

void leak() { [[maybe_unused]] const auto* const lost = new std::string(100, 'x'); }

void write_behind_the_end() {
  const auto bytes = std::make_unique<char[]>(10);
  const volatile std::size_t end = 10;
  static_cast<volatile char*>(bytes.get())[end] = 'x';
}

int overflow() {
  volatile int most = std::numeric_limits<int>::max();
  return most + 1;
}

void race() {
  volatile int count = 0;
  const auto add = [&count] { count = count + 1; };
  std::thread one(add);
  std::thread other(add);
  one.join();
  other.join();
}

ws::Task<> faulty(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    if (message->payload == "leak") leak();
    if (message->payload == "write behind the end") write_behind_the_end();
    if (message->payload == "overflow") overflow();
    if (message->payload == "race") race();
    const auto error = co_await conn.write(ws::MessageType::text, "done");
    if (error) break;
  }
}

}  // namespace

WS_MODULE(ws_faulty_module, {"faulty", faulty})
