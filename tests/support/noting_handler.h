#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/handler_on_loop.h"

namespace mod_ws::tests {

/// What handlers note down, on the loop's thread.
struct Notes {
  std::vector<std::string> lines;
  std::vector<ws::Message> messages;
  std::optional<ws::CloseStatus> status;
  ws::Conn* conn = nullptr;
  int alive = 0;
  int step = 0;
};
inline Notes notes;

/// Stands in a handler's frame.
struct Alive {
  Alive() { ++notes.alive; }
  ~Alive() { --notes.alive; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
};

/// What an operation came to, as a line of the notes.
inline void note(const ws::Error& error) { notes.lines.emplace_back(error.message()); }

/// Begins with empty notes.
class NotingHandler : public HandlerOnLoop {
 public:
  explicit NotingHandler(ws::HandlerFunction handler, HandlerOptions options = {})
      : HandlerOnLoop((notes = {}, handler), std::move(options)) {}

  bool wait_for_step(int step) {
    return wait_until([step] { return notes.step >= step; });
  }
  bool wait_for_lines(const std::vector<std::string>& lines) {
    return wait_until([&] { return notes.lines == lines; });
  }
  std::vector<ws::Message> messages() {
    return thread.call([] { return notes.messages; });
  }
};

inline void expect_text(Peer& client, std::string_view text) {
  const auto received = client.receive_frame();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->opcode, protocol::Opcode::text);
  EXPECT_EQ(received->text(), text);
  EXPECT_FALSE(received->masked);
}

/// Notes messages down until the end.
inline ws::Task<> read_all(ws::Conn& conn) {
  while (auto message = co_await conn.read()) notes.messages.push_back(std::move(*message));
  notes.status = conn.close_status();
  ++notes.step;
}

/// Waits for ever, and not for a message.
inline ws::Task<> sleep_for_ever(ws::Conn& conn) {
  const Alive alive;
  notes.conn = &conn;
  ++notes.step;
  co_await std::suspend_always();
}

}  // namespace mod_ws::tests
