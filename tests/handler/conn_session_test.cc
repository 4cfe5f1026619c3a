#include "mod_ws/handler/conn_session.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/noting_handler.h"
#include "ws/time.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using protocol::Opcode;
using protocol::Role;
using tests::Alive;
using tests::Bytes;
using tests::close_frame;
using tests::expect_text;
using tests::frame;
using tests::notes;
using tests::NotingHandler;
using tests::operator+;
using ws::CloseCode;
using ws::MessageType;

TEST(ConnSession, TellsTheRequest) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    const ws::Request request = conn.request();
    for (const std::string_view part :
         {request.uri, request.remote_address, request.user, conn.subprotocol()})
      notes.lines.emplace_back(part);
    notes.status = conn.close_status();
    ++notes.step;
    co_await conn.read();
  });
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_EQ(notes.lines,
            (std::vector<std::string>{"/chat?room=1", "192.0.2.7:51522", "alice", "chat.v1"}));
  EXPECT_EQ(notes.status->code, CloseCode::no_status_received);
}

TEST(ConnSession, CloseResumesWithTheClientsStatus) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    notes.status = co_await conn.close(static_cast<CloseCode>(4000), "your turn");
    ++notes.step;
    if (co_await conn.write(MessageType::text, "late")) notes.lines.emplace_back("closed");
  });
  EXPECT_EQ(session.client.receive(13), close_frame(Role::server, 4000, "your turn"));
  session.client.send(frame({}, "under way, and dropped") +
                      close_frame(Role::client, 4100, "agreed"));
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_EQ(notes.status->code, static_cast<CloseCode>(4100));
  EXPECT_EQ(notes.status->reason, "agreed");
  EXPECT_TRUE(session.client.receives_end());
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
  EXPECT_EQ(notes.lines, std::vector<std::string>{"closed"});
}

TEST(ConnSession, CloseResumesWith1006WhenTheClientDoesNotAnswer) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> { notes.status = co_await conn.close(); },
                        {.policy = {.close_timeout = 50ms}});
  EXPECT_TRUE(session.thread.wait_until_empty());
  session.thread.stop();
  EXPECT_EQ(notes.status->code, CloseCode::abnormal_closure);
}

TEST(ConnSession, CloseResumesAtOnceAfterTheEnd) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    co_await conn.read();
    notes.status = co_await conn.close();
    ++notes.step;
  });
  session.client.send(close_frame(Role::client, 4003));
  ASSERT_TRUE(session.wait_for_step(1));
  EXPECT_EQ(notes.status->code, static_cast<CloseCode>(4003));
}

TEST(ConnSession, FailsAClientThatBreaksTheProtocol) {
  struct Case {
    Bytes bytes;
    int code;
  };
  for (const auto& [bytes, code] : std::initializer_list<Case>{
           {{0x83, 0x80, 0, 0, 0, 0}, 1002},
           {frame({}, "\xFF"), 1007},
           {frame({.fin = false}, "\xE2") + frame({.opcode = Opcode::continuation}, "x"), 1007},
           {tests::header({.opcode = Opcode::binary}, 1001), 1009},
           {frame({.fin = false}, std::string(600, 'a')) +
                tests::header({.opcode = Opcode::continuation}, 401),
            1009},
           {frame({.opcode = Opcode::close}, "\x03"), 1002},
           {close_frame(Role::client, 1006), 1002},
           {close_frame(Role::client, 1000, "\xFF"), 1007}}) {
    SCOPED_TRACE(code);
    NotingHandler session(tests::read_all,
                          {.policy = {.client_limits = {.max_message_bytes = 1000}}});
    session.client.send(frame({}, "good") + bytes + frame({}, "unseen"));
    const auto close = session.client.receive_frame();
    ASSERT_TRUE(close);
    EXPECT_EQ(close->opcode, Opcode::close);
    EXPECT_EQ(close->close_code(), code);
    EXPECT_TRUE(session.client.receives_end());
    session.client.close();
    EXPECT_TRUE(session.thread.wait_until_empty());
    session.thread.stop();
    ASSERT_EQ(notes.messages.size(), 1U);
    EXPECT_EQ(notes.messages[0].payload, "good");
    EXPECT_EQ(notes.status->code, static_cast<CloseCode>(code));
  }
}

// ---- siblings

ws::Task<> note_messages(ws::Conn& conn, std::string name) {
  const Alive alive;
  notes.lines.push_back(name + " begins");
  while (const auto message = co_await conn.read())
    notes.lines.push_back(name + " " + message->payload);
}

TEST(ConnSession, BeginsASiblingAtOnce) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    notes.lines.emplace_back("before");
    conn.spawn(note_messages(conn, "sibling"));
    notes.lines.emplace_back("after");
    co_await note_messages(conn, "handler");
  });
  session.client.send(frame({}, "1") + frame({}, "2") + frame({}, "3"));
  EXPECT_TRUE(session.wait_for_lines({"before", "sibling begins", "after", "handler begins",
                                      "sibling 1", "handler 2", "sibling 3"}));
}

TEST(ConnSession, EndsItsSiblingsWhereverTheyWait) {
  for (const bool client_closes : {true, false}) {
    NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
      const auto wait = [](ws::Conn& sibling_conn, int where) -> ws::Task<> {
        const Alive alive;
        if (where == 0) co_await std::suspend_always();
        if (where == 1) co_await ws::sleep_for(1h);
        if (where == 2) static_cast<void>(co_await sibling_conn.ping());
        co_await std::suspend_always();
      };
      for (int where = 0; where < 3; ++where) conn.spawn(wait(conn, where));
      ++notes.step;
      co_await conn.read();
    });
    ASSERT_TRUE(session.wait_for_step(1));
    session.thread.call([] { EXPECT_EQ(notes.alive, 3); });
    if (client_closes) session.client.send(close_frame(Role::client, 1000));
    session.client.close();
    EXPECT_TRUE(session.thread.wait_until_empty());
    session.thread.call([] { EXPECT_EQ(notes.alive, 0); });
  }
}

TEST(ConnSession, LetsASiblingOutliveTheHandlerUntilTheConnectionEnds) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn([](ws::Conn& sibling_conn) -> ws::Task<> {
      const Alive alive;
      co_await sibling_conn.read();
      notes.status = sibling_conn.close_status();
      ++notes.step;
      co_await std::suspend_always();
    }(conn));
    co_return;
  });
  session.expect_close_and_answer(1000);
  session.thread.call([] {
    EXPECT_EQ(notes.step, 1);
    EXPECT_EQ(notes.status->code, CloseCode::normal_closure);
    EXPECT_EQ(notes.alive, 0);
  });
}

TEST(ConnSession, GoesOnAfterASiblingHasEnded) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    for (int i = 0; i < 3; ++i) {
      conn.spawn([]() -> ws::Task<> {
        const Alive alive;
        co_return;
      }());
    }
    conn.spawn([](ws::Conn& sibling_conn) -> ws::Task<> {
      const Alive alive;
      co_await sibling_conn.read();
      // Within a sibling, and with others that are done.
      sibling_conn.spawn(note_messages(sibling_conn, "grandchild"));
    }(conn));
    co_await std::suspend_always();
  });
  session.client.send(frame({}, "1") + frame({}, "2"));
  EXPECT_TRUE(session.wait_for_lines({"grandchild begins", "grandchild 2"}));
}

TEST(ConnSession, ClosesWith1011WhenASiblingThrows) {
  NotingHandler at_once([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn([]() -> ws::Task<> {
      throw std::runtime_error("no");
      co_return;
    }());
    co_await conn.read();
  });
  at_once.expect_close_and_answer(1011);
  NotingHandler later([](ws::Conn& conn) -> ws::Task<> {
    conn.spawn([](ws::Conn& sibling_conn) -> ws::Task<> {
      co_await sibling_conn.read();
      throw 42;
    }(conn));
    co_await std::suspend_always();
  });
  later.client.send(frame({}, "go"));
  const auto close = later.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->close_code(), 1011);
}

// ---- the read deadline

TEST(ConnSession, EndsReadsWith1001AtTheReadDeadline) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.set_read_deadline(30ms);
    if (!co_await conn.read()) notes.status = conn.close_status();
  });
  session.expect_close_and_answer(1001);
  EXPECT_EQ(notes.status->code, CloseCode::going_away);
  EXPECT_EQ(notes.status->reason, "the read deadline has passed");
}

TEST(ConnSession, SetsTheReadDeadlineAnewWithEachCall) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.set_read_deadline(1ms);
    conn.set_read_deadline(1h);
    co_await ws::sleep_for(40ms);
    conn.set_read_deadline(1ms);
    conn.set_read_deadline(0ms);
    co_await ws::sleep_for(40ms);
    const auto message = co_await conn.read();
    if (message) notes.lines.push_back(message->payload);
    conn.set_read_deadline(1ms);
    co_await conn.read();
  });
  session.client.send(frame({}, "in time"));
  session.expect_close_and_answer(1001);
  EXPECT_EQ(notes.lines, std::vector<std::string>{"in time"});
}

TEST(ConnSession, EndsAReaderOfPiecesAtTheReadDeadline) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    auto reader = co_await conn.next_reader();
    conn.set_read_deadline(20ms);
    while (const auto piece = co_await reader->read()) notes.lines.push_back(*piece);
    notes.lines.emplace_back("end");
  });
  session.client.send(frame({.fin = false}, "first"));
  session.expect_close_and_answer(1001);
  EXPECT_EQ(notes.lines, (std::vector<std::string>{"first", "end"}));
}

// ---- pings and pongs

TEST(ConnSession, TellsObserversOfPingsAndPongs) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    conn.on_ping(
        [](std::string_view payload) { notes.lines.push_back("ping " + std::string(payload)); });
    conn.on_pong(
        [](std::string_view payload) { notes.lines.push_back("pong " + std::string(payload)); });
    co_await conn.read();
  });
  session.client.send(frame({.opcode = Opcode::ping}, "1") +
                      frame({.opcode = Opcode::pong}, "unasked") +
                      frame({.opcode = Opcode::ping}, ""));
  EXPECT_TRUE(session.wait_for_lines({"ping 1", "pong unasked", "ping "}));
  EXPECT_EQ(session.client.receive_frame()->text(), "1") << "answered all the same";
}

TEST(ConnSession, LetsAnObserverSetAnotherOne) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    notes.conn = &conn;
    conn.on_ping([own = std::string(1000, 'o')](std::string_view) {
      notes.conn->on_ping({});
      notes.lines.push_back(own);
    });
    co_await conn.read();
  });
  session.client.send(frame({.opcode = Opcode::ping}, "1") + frame({.opcode = Opcode::ping}, "2"));
  EXPECT_TRUE(session.client.receive_frame());
  EXPECT_TRUE(session.client.receive_frame());
  EXPECT_TRUE(session.wait_for_lines({std::string(1000, 'o')}));
}

TEST(ConnSession, ClosesWith1011WhenAnObserverThrows) {
  for (const auto opcode : {Opcode::ping, Opcode::pong}) {
    NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
      const auto fail = [](std::string_view) { throw std::runtime_error("no"); };
      conn.on_ping(fail);
      conn.on_pong(fail);
      co_await conn.read();
    });
    session.client.send(frame({.opcode = opcode}, "1"));
    if (opcode == Opcode::ping) {
      EXPECT_EQ(session.client.receive_frame()->opcode, Opcode::pong);
    }
    session.expect_close_and_answer(1011);
  }
}

// ---- what is known of the request

TEST(ConnSession, KnowsTheHeadersThatAreKept) {
  NotingHandler session(
      [](ws::Conn& conn) -> ws::Task<> {
        const ws::Request request = conn.request();
        for (const auto* name : {"cookie", "COOKIE", "X-Empty", "X-Other", "uri", "chat.v1"})
          notes.lines.emplace_back(request.header(name).value_or("none"));
        for (const auto* name : {"a", "b", "c", "d", "e", ""})
          notes.lines.emplace_back(request.cookie(name).value_or("none"));
        co_return;
      },
      {.kept_headers = {"Cookie", "a=1; b=x=y;c=\"q\"; aa=2; a=3;d", "X-Empty", ""}});
  session.expect_close_and_answer(1000);
  const std::string cookie = "a=1; b=x=y;c=\"q\"; aa=2; a=3;d";
  EXPECT_EQ(notes.lines, (std::vector<std::string>{cookie, cookie, "", "none", "none", "none", "1",
                                                   "x=y", "\"q\"", "", "none", "none"}));
}

TEST(ConnSession, KnowsNoHeaderWhereNoneIsKept) {
  NotingHandler session([](ws::Conn& conn) -> ws::Task<> {
    EXPECT_FALSE(conn.request().header("Cookie"));
    EXPECT_FALSE(conn.request().cookie("a"));
    EXPECT_EQ(conn.request().query_parameter("room"), "1");
    EXPECT_EQ(conn.request().path(), "/chat");
    co_return;
  });
  session.expect_close_and_answer(1000);
}

ws::Request request_of(std::string_view uri) {
  ws::Request request;
  request.uri = uri;
  return request;
}

TEST(Request, FindsQueryParametersDecoded) {
  const auto request = request_of("/p?a=1&b=x%20y+z&a=2&%63=%E2%82%AC&d&e=&f=%4&g=%zz&h=a=b&=n");
  EXPECT_EQ(request.path(), "/p");
  EXPECT_EQ(request.query_parameter("a"), "1");
  EXPECT_EQ(request.query_parameter("b"), "x y z");
  EXPECT_EQ(request.query_parameter("c"), "\xE2\x82\xAC");
  EXPECT_EQ(request.query_parameter("d"), "");
  EXPECT_EQ(request.query_parameter("e"), "");
  EXPECT_EQ(request.query_parameter("f"), "%4");
  EXPECT_EQ(request.query_parameter("g"), "%zz");
  EXPECT_EQ(request.query_parameter("h"), "a=b");
  EXPECT_EQ(request.query_parameter(""), "n");
  EXPECT_FALSE(request.query_parameter("i"));
  EXPECT_FALSE(request_of("/p").query_parameter("a"));
  EXPECT_FALSE(request_of("/p?").query_parameter(""));
}

}  // namespace
}  // namespace mod_ws::handler
