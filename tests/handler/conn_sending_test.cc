#include <gtest/gtest.h>

#include "tests/support/noting_handler.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using connection::SendQueue;
using protocol::Opcode;
using protocol::Role;
using tests::close_frame;
using tests::expect_text;
using tests::frame;
using tests::note;
using tests::notes;
using tests::NotingHandler;
using tests::operator+;
using ws::CloseCode;
using ws::MessageType;

bool was_told = false;  // on the loop's thread

ws::Task<> write_until_told(ws::Conn& conn) {
  const std::string payload(100'000, 'x');
  while (true) {
    const auto error = co_await conn.write(ws::MessageType::binary, payload);
    if (error) break;
  }
  was_told = true;
}

TEST(ConnSending, EndsWithAnErrorWhenTheClientIsGone) {
  was_told = false;
  tests::HandlerOnLoop session(write_until_told);
  EXPECT_TRUE(session.client.receive_frame());
  session.client.close();
  EXPECT_TRUE(session.wait_until([] { return was_told; }));
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(ConnSending, LeavesTheLoopToOthersNowAndThen) {
  tests::HandlerOnLoop session(write_until_told);
  // A client that takes all there is, while others want the loop.
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(session.client.receive_frame());
    EXPECT_EQ(session.thread.call([] { return 1; }), 1);
  }
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
}

ws::Task<> write_bad_text(ws::Conn& conn) {
  const std::string bad = "bad \xFF text";
  const auto error = co_await conn.write(ws::MessageType::text, bad);
  const std::string told = error.reason() == ws::Error::Reason::not_utf8 ? "told" : "not told";
  if (co_await conn.write(ws::MessageType::text, told)) co_return;
  if (co_await conn.write(ws::MessageType::binary, bad)) co_return;
}

TEST(ConnSending, SendsNoTextThatIsNotUtf8) {
  tests::HandlerOnLoop session(write_bad_text);
  const auto first = session.client.receive_frame();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text(), "told");
  const auto second = session.client.receive_frame();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->text(), "bad \xFF text");
  session.expect_close_and_answer(1000);
}

ws::Task<> close_with_bad_reason(ws::Conn& conn) {
  co_await conn.close(ws::CloseCode::normal_closure, "bad \xFF reason");
}

TEST(ConnSending, LeavesAReasonOutThatIsNotUtf8) {
  tests::HandlerOnLoop session(close_with_bad_reason);
  const auto close = session.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->payload, tests::close_payload(1000));
}

TEST(ConnSending, SuspendsWritesUntilTheClientHasTakenThem) {
  NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        notes.conn = &conn;
        const std::string much(300'000, 'x');
        if (co_await conn.write(MessageType::text, much)) co_return;
        ++notes.step;
        if (co_await conn.write(MessageType::text, "small")) co_return;
        ++notes.step;
        co_await conn.read();
      },
      {.buffer_bytes = 4096});
  ASSERT_TRUE(session.wait_until([] { return notes.conn != nullptr; }));
  session.thread.call([] {
    EXPECT_EQ(notes.step, 0);
    EXPECT_GT(notes.conn->buffered_amount(), 200'000U);
  });
  expect_text(session.client, std::string(300'000, 'x'));
  expect_text(session.client, "small");
  ASSERT_TRUE(session.wait_for_step(2));
  session.thread.call([] { EXPECT_EQ(notes.conn->buffered_amount(), 0U); });
}

TEST(ConnSending, EndsSuspendedWritesWhenTheClientIsLost) {
  NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        const std::string much(300'000, 'x');
        ++notes.step;
        const ws::Error error = co_await conn.write(MessageType::text, much);
        notes.lines.emplace_back(error.message());
        const ws::Error again = co_await conn.write(MessageType::text, "more");
        notes.lines.emplace_back(again.message());
        notes.status = conn.close_status();
      },
      {.buffer_bytes = 4096});
  ASSERT_TRUE(session.wait_for_step(1));
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  EXPECT_EQ(notes.lines,
            (std::vector<std::string>{"the connection is closed", "the connection is closed"}));
  EXPECT_EQ(notes.status->code, CloseCode::abnormal_closure);
}

TEST(ConnSending, KeepsTheOrderOfWhatSeveralCoroutinesWrite) {
  NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        const auto write = [](ws::Conn& its_conn, char name) -> ws::Task<> {
          for (int i = 0; i < 20; ++i) {
            const std::string text = name + std::to_string(i) + std::string(20'000, name);
            notes.lines.push_back(text);
            if (co_await its_conn.write(MessageType::text, text)) co_return;
          }
          ++notes.step;
        };
        for (const char name : {'a', 'b', 'c'}) conn.spawn(write(conn, name));
        co_await conn.read();
      },
      {.buffer_bytes = 4096});
  std::vector<std::string> received;
  for (int i = 0; i < 60; ++i) {
    const auto message = session.client.receive_frame();
    ASSERT_TRUE(message);
    received.push_back(message->text());
  }
  ASSERT_TRUE(session.wait_for_step(3));
  EXPECT_TRUE(session.thread.call([&] { return notes.lines == received; }));
}

// ---- prepared messages

const std::string& words() {
  static const std::string text = [] {
    std::string made;
    for (int i = 0; i < 100; ++i) made += "word " + std::to_string(i * i) + ", ";
    return made;
  }();
  return text;
}

ws::Task<> write_prepared(ws::Conn& conn) {
  const ws::PreparedMessage good(MessageType::text, words());
  const ws::PreparedMessage bad(MessageType::text, "\xFF");
  note(co_await conn.write(good));
  note(co_await conn.write(bad));
  conn.set_write_compression(false);
  note(co_await conn.write(good));
  conn.set_write_compression(true);
  note(co_await conn.write(good));
}

const std::vector<std::string> written_prepared{"no error", "the text is not UTF-8", "no error",
                                                "no error"};

TEST(ConnSending, SendsPreparedMessages) {
  NotingHandler session(write_prepared);
  for (int i = 0; i < 3; ++i) expect_text(session.client, words());
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, written_prepared);
}

std::string inflated(const tests::Bytes& payload, protocol::Inflater& inflater) {
  std::string text;
  std::vector<std::uint8_t> space(8192);
  inflater.give(payload, true);
  std::span<std::uint8_t> output;
  while (inflater.inflate_some(space, output) == protocol::Inflater::Result::output)
    text += tests::text_of(output);
  return text;
}

TEST(ConnSending, CompressesPreparedMessagesWhereThatIsAgreedAndWanted) {
  for (const bool keeps_context : {false, true}) {
    NotingHandler session(write_prepared,
                          {.compression = tests::agreed_compression(keeps_context)});
    protocol::ZlibPool pool;
    protocol::Inflater inflater(pool, keeps_context);
    std::vector<std::size_t> sizes;
    for (const bool is_compressed : {true, false, true}) {
      const auto message = session.client.receive_frame();
      ASSERT_TRUE(message);
      EXPECT_EQ(message->rsv, is_compressed ? protocol::rsv1_bit : 0);
      EXPECT_EQ(is_compressed ? inflated(message->payload, inflater) : message->text(), words());
      sizes.push_back(message->payload.size());
    }
    EXPECT_EQ(sizes[2] == sizes[0], !keeps_context) << "its own context, or what is shared";
    session.expect_close_and_answer(1000);
  }
}

/// The client's end of a session, with a handler.
class ClientSession final : public engine::Resident, public ConnSession {
 public:
  ClientSession(engine::EventLoop& loop, base::UniqueFd socket, const connection::Policy& policy)
      : ConnSession(loop, transport::Transport(std::move(socket)), {.role = Role::client},
                    {.policy = policy},
                    base::PackedStrings(std::vector<std::string_view>(first_header))) {}

  void on_adopted() override {
    begin({}, std::nullopt);
    task_ = write_prepared(*this);
    task_.start(*this);
  }
  void go_away(const engine::Farewell&) override {}

 private:
  void on_task_done() noexcept override {}
  void on_connection_ended() override {}
  void on_stuck() override {}
  ws::Task<> task_;
};

TEST(ConnSending, MasksPreparedMessagesAsAClient) {
  notes = {};
  ws::detail::runtime = &runtime();
  const connection::Policy policy;
  auto pair = tests::make_socket_pair();
  tests::Peer server(std::move(pair.theirs));
  tests::LoopThread thread;
  thread.loop().post_adoption(
      std::make_unique<ClientSession>(thread.loop(), std::move(pair.ours), policy));
  for (int i = 0; i < 3; ++i) {
    const auto message = server.receive_frame();
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->masked);
    EXPECT_EQ(message->text(), words());
  }
  thread.stop();
  EXPECT_EQ(notes.lines, written_prepared);
}

// ---- pings

ws::Task<> note_ping(ws::Conn& conn, std::string payload) {
  const ws::Error error = co_await conn.ping(payload);
  notes.lines.push_back(payload + ": " + error.message());
}

TEST(ConnSending, ResumesAPingOnItsPong) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> { co_await note_ping(conn, "mine"); });
  const auto ping = session.client.receive_frame();
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->opcode, Opcode::ping);
  EXPECT_EQ(ping->text(), "mine");
  session.client.send(frame({.opcode = Opcode::pong}, "unasked"));
  session.thread.call([] {});
  EXPECT_TRUE(notes.lines.empty());
  session.client.send(frame({.opcode = Opcode::pong}, "mine"));
  session.expect_close_and_answer(1000);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"mine: no error"});
}

TEST(ConnSending, ResumesPingsOnThePongToALaterOne) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    for (const auto* payload : {"1", "2", "3"}) conn.spawn(note_ping(conn, payload));
    co_await conn.read();
  });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(session.client.receive_frame());
  session.client.send(frame({.opcode = Opcode::pong}, "2"));
  EXPECT_TRUE(session.wait_for_lines({"1: no error", "2: no error"}));
  session.client.send(close_frame(Role::client, 1000));
  EXPECT_TRUE(
      session.wait_for_lines({"1: no error", "2: no error", "3: the connection is closed"}));
}

TEST(ConnSending, SendsAtMost125BytesWithAPingAndSomeWhereNoneAreGiven) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    const std::string large(200, 'x');
    note(co_await conn.ping(large));
    note(co_await conn.ping());
  });
  const auto large = session.client.receive_frame();
  EXPECT_EQ(large->text(), std::string(125, 'x'));
  session.client.send(frame({.opcode = Opcode::pong}, large->payload));
  const auto own = session.client.receive_frame();
  EXPECT_EQ(own->opcode, Opcode::ping);
  EXPECT_FALSE(own->payload.empty());
  session.client.send(frame({.opcode = Opcode::pong}, own->payload));
  session.expect_close_and_answer(1000);
}

TEST(ConnSending, EndsAPingOfALostClient) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    co_await note_ping(conn, "1");
    co_await note_ping(conn, "2");
  });
  session.client.close();
  EXPECT_TRUE(
      session.wait_for_lines({"1: the connection is closed", "2: the connection is closed"}));
}

// ---- what comes from elsewhere

ws::Task<> note_end(ws::Conn& conn) {
  notes.conn = &conn;
  ++notes.step;
  co_await conn.read();
  notes.status = conn.close_status();
}

/// Delivers as many as are given, on the loop's thread.
void deliver(NotingHandler& session, int count) {
  ASSERT_TRUE(session.wait_for_step(1));
  session.thread.call([count] {
    for (int i = 0; i < count; ++i) {
      static_cast<ConnSession&>(*notes.conn)
          .deliver(
              runtime().prepare(MessageType::text, std::to_string(i) + std::string(10'000, 'x')));
    }
  });
}

std::vector<int> receive_numbers(tests::Peer& client, std::size_t count) {
  std::vector<int> numbers;
  while (numbers.size() < count) {
    const auto message = client.receive_frame();
    if (!message || message->opcode != Opcode::text) break;
    numbers.push_back(std::stoi(message->text()));
  }
  return numbers;
}

connection::Policy slow_client(SendQueue::Action action) {
  return {.close_timeout = 10s, .send_queue = {.action = action, .limit_bytes = 50'000}};
}

TEST(ConnSending, ClosesASlowClientWith1008) {
  NotingHandler session(note_end,
                        {.policy = slow_client(SendQueue::Action::close), .buffer_bytes = 4096});
  deliver(session, 100);
  // Whoever reads at last gets what had been queued, and why there is no more.
  int count = 0;
  while (true) {
    const auto received = session.client.receive_frame();
    ASSERT_TRUE(received);
    if (received->opcode == Opcode::close) {
      EXPECT_EQ(received->close_code(), 1008);
      break;
    }
    EXPECT_EQ(std::stoi(received->text()), count++);
  }
  EXPECT_GT(count, 4);
  EXPECT_LT(count, 20);
  EXPECT_TRUE(session.client.receives_end());
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(ConnSending, LeavesOutWhatASlowClientDoesNotTake) {
  NotingHandler session(note_end,
                        {.policy = slow_client(SendQueue::Action::drop), .buffer_bytes = 4096});
  deliver(session, 100);
  const std::size_t queued = session.thread.call([] { return notes.conn->buffered_amount(); });
  EXPECT_GT(queued, 50'000U);
  EXPECT_LT(queued, 70'000U);
  const auto first = receive_numbers(session.client, 5);
  ASSERT_TRUE(session.wait_until([] { return notes.conn->buffered_amount() < 50'000; }));
  deliver(session, 1);
  std::vector<int> rest;
  do {
    rest = receive_numbers(session.client, 1);
    ASSERT_EQ(rest.size(), 1U);
  } while (rest[0] != 0);
}

TEST(ConnSending, DeliversEverythingToAClientThatTakesIt) {
  NotingHandler session(note_end, {.policy = slow_client(SendQueue::Action::close)});
  for (int i = 0; i < 50; ++i) {
    deliver(session, 1);
    EXPECT_EQ(receive_numbers(session.client, 1), std::vector<int>{0});
  }
}

}  // namespace
}  // namespace mod_ws::handler
