// The way to a connection over TCP and UNIX sockets, and answers that are none. Proxies and TLS:
// dial_through_test.cc; time and cancellation: dial_end_test.cc.

#include "mod_ws/handler/dial_attempt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "mod_ws/handler/loop_runtime.h"
#include "tests/support/dialing.h"

namespace mod_ws::handler {
namespace {

using tests::bytes_of;
using tests::Dialing;
using tests::Listener;
using tests::LoopThread;
using tests::Peer;
using Kind = ws::DialError::Kind;

std::string url_of(const Listener& listener, const std::string& target = "/") {
  return "ws://" + listener.authority() + target;
}

/// Answers the request of a dial that it begins, and ends the connection.
struct Answered {
  explicit Answered(const std::string& answer, ws::Dialer dialer = {})
      : dialing(thread, url_of(listener), std::move(dialer)) {
    Peer server = listener.accept();
    const std::string request = tests::receive_head(server);
    server.send(bytes_of(answer));
    server.shutdown_write();
    error = dialing.wait_for_error();
    EXPECT_TRUE(thread.wait_until_empty());
  }

  LoopThread thread;
  Listener listener;
  ws::DialError error;
  Dialing dialing;
};

TEST(DialAttempt, ConnectsAndAgrees) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, url_of(listener, "/chat?a=b"),
                  {.subprotocols = {"chat.v2", "chat.v1"}, .headers = {{"Cookie", "id=1"}}});
  Peer server = listener.accept();
  const std::string request = tests::accept_handshake(
      server, "Sec-WebSocket-Protocol: chat.v1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n");
  EXPECT_TRUE(request.starts_with("GET /chat?a=b HTTP/1.1\r\nHost: " + listener.authority()));
  EXPECT_EQ(tests::header_in(request, "Cookie"), "id=1");
  ASSERT_TRUE(dialing.wait());
  ASSERT_TRUE(dialing.result) << dialing.result.error.message;
  EXPECT_EQ(dialing.result.error.kind, Kind::none);
  EXPECT_EQ(dialing.result.status, 101);
  EXPECT_EQ(dialing.result.header("SET-cookie"), "a=b");
  EXPECT_EQ(dialing.result.header("Absent"), std::nullopt);
  EXPECT_EQ(std::count_if(dialing.result.headers.begin(), dialing.result.headers.end(),
                          [](const ws::Header& header) { return header.name == "Set-Cookie"; }),
            2);
  thread.call([&] {
    EXPECT_EQ(dialing.result.client->subprotocol(), "chat.v1");
    EXPECT_EQ(dialing.result.client->request().uri, "/chat?a=b");
    EXPECT_EQ(dialing.result.client->request().remote_address, listener.authority());
  });
}

TEST(DialAttempt, ResolvesNames) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, "ws://localhost:" + std::to_string(listener.port()));
  Peer server = listener.accept();
  tests::accept_handshake(server);
  ASSERT_TRUE(dialing.wait());
  EXPECT_TRUE(dialing.result) << dialing.result.error.message;
}

TEST(DialAttempt, TakesAnAnswerThatComesByteByByte) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, url_of(listener));
  Peer server = listener.accept();
  for (const char byte : tests::accepting(tests::receive_head(server)))
    server.send({static_cast<std::uint8_t>(byte)});
  ASSERT_TRUE(dialing.wait());
  EXPECT_TRUE(dialing.result) << dialing.result.error.message;
}

TEST(DialAttempt, ConnectsToAUnixSocket) {
  const std::string path = "/tmp/mod_ws_dial_test." + std::to_string(::getpid());
  ::unlink(path.c_str());
  LoopThread thread;
  Listener listener(path);
  Dialing dialing(thread, "unix:" + path + "|ws://app/chat");
  Peer server = listener.accept();
  const std::string request = tests::accept_handshake(server);
  EXPECT_TRUE(request.starts_with("GET /chat HTTP/1.1\r\nHost: app\r\n"));
  ASSERT_TRUE(dialing.wait());
  EXPECT_TRUE(dialing.result) << dialing.result.error.message;
  ::unlink(path.c_str());
}

TEST(DialAttempt, TriesOneAddressAfterTheOther) {
  LoopThread thread;
  Listener listener;
  const auto two_addresses = [&](const std::string& host, std::uint16_t port) {
    EXPECT_EQ(host, "two.example");
    EXPECT_EQ(port, 81);
    auto addresses = transport::numeric_addresses("127.0.0.1", tests::closed_port());
    addresses.push_back(transport::numeric_addresses("127.0.0.1", listener.port())[0]);
    return transport::Resolution{.addresses = addresses, .error = {}};
  };
  Dialing dialing(thread, "ws://two.example:81/", {}, two_addresses);
  Peer server = listener.accept();
  EXPECT_EQ(tests::header_in(tests::accept_handshake(server), "Host"), "two.example:81");
  ASSERT_TRUE(dialing.wait());
  EXPECT_TRUE(dialing.result) << dialing.result.error.message;
}

// ---- no connection

TEST(DialAttempt, TellsThatNobodyListens) {
  LoopThread thread;
  const std::string authority = "127.0.0.1:" + std::to_string(tests::closed_port());
  Dialing dialing(thread, "ws://" + authority + "/path?secret");
  const auto error = dialing.wait_for_error();
  EXPECT_EQ(error.kind, Kind::connect);
  EXPECT_EQ(error.message, "ws://" + authority + "/path: Connection refused (" + authority + ")");
  EXPECT_EQ(dialing.result.status, 0);
  EXPECT_FALSE(dialing.result);
  Dialing over_unix(thread, "unix:/nonexistent/socket|ws://app");
  EXPECT_EQ(over_unix.wait_for_error().kind, Kind::connect);
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST(DialAttempt, TellsThatAHostHasNoAddress) {
  LoopThread thread;
  Dialing dialing(thread, "ws://none.example", {}, [](const std::string&, std::uint16_t) {
    return transport::Resolution{.addresses = {}, .error = "Name or service not known"};
  });
  const auto error = dialing.wait_for_error();
  EXPECT_EQ(error.kind, Kind::resolve);
  EXPECT_EQ(error.message,
            "ws://none.example/: the host none.example has no address: Name or service not known");
}

TEST(DialAttempt, TellsThatTheServerHangsUp) {
  const Answered silent("");
  EXPECT_EQ(silent.error.kind, Kind::connect);
  EXPECT_NE(silent.error.message.find("before the answer"), std::string::npos);
  EXPECT_EQ(Answered("HTTP/1.1 101 Switching Protocols\r\nUpgrade").error.kind, Kind::connect);
}

// ---- refused

TEST(DialAttempt, TellsWhyItWasRefused) {
  const std::string body(2000, 'x');
  const Answered answered("HTTP/1.1 403 Forbidden\r\nContent-Length: 2000\r\nX-Why: no\r\n\r\n" +
                          body);
  EXPECT_EQ(answered.error.kind, Kind::refused);
  EXPECT_TRUE(answered.error.message.ends_with("/: the server answered 403 Forbidden"))
      << answered.error.message;
  const auto& result = answered.dialing.result;
  EXPECT_EQ(result.status, 403);
  EXPECT_EQ(result.header("x-why"), "no");
  EXPECT_EQ(result.body, body.substr(0, 1024));
}

TEST(DialAttempt, TellsARefusalWithAnyBody) {
  for (const auto& [answer, body] : std::vector<std::pair<std::string, std::string>>{
           {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ""},
           {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\ngone", "gone"},
           {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off", "cut off"},
           {"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n",
            "Hello"},
           {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ""}}) {
    const Answered answered(answer);
    EXPECT_EQ(answered.error.kind, Kind::refused) << answer;
    EXPECT_EQ(answered.dialing.result.body, body) << answer;
  }
}

// ---- answers that are none

TEST(DialAttempt, RejectsWhatIsNoHttp) {
  for (const char* const answer : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n",
                                   "HTTP/1.1 101 x\r\nbad header\r\n\r\n"}) {
    EXPECT_EQ(Answered(answer).error.kind, Kind::bad_response) << answer;
  }
}

TEST(DialAttempt, RejectsAHeadThatIsTooLong) {
  const Answered answered("HTTP/1.1 101 x\r\nA: " + std::string(70'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(answered.error.kind, Kind::bad_response);
  EXPECT_NE(answered.error.message.find("64 KiB"), std::string::npos);
}

TEST(DialAttempt, RejectsA101ThatIsNoHandshake) {
  const Answered answered(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  EXPECT_EQ(answered.error.kind, Kind::bad_response);
  EXPECT_NE(answered.error.message.find("wrong Sec-WebSocket-Accept"), std::string::npos);
  EXPECT_EQ(answered.dialing.result.status, 101);
  EXPECT_EQ(Answered("HTTP/1.1 101 Switching Protocols\r\n\r\n").error.kind, Kind::bad_response);
}

/// The same, where only more header lines are wrong.
ws::DialError error_with(const std::string& more, ws::Dialer dialer = {}) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, url_of(listener), std::move(dialer));
  Peer server = listener.accept();
  tests::accept_handshake(server, more);
  const auto error = dialing.wait_for_error();
  EXPECT_TRUE(server.receives_end());
  return error;
}

TEST(DialAttempt, RejectsWhatWasNotOffered) {
  const auto subprotocol = error_with("Sec-WebSocket-Protocol: b\r\n", {.subprotocols = {"a"}});
  EXPECT_EQ(subprotocol.kind, Kind::bad_response);
  EXPECT_NE(subprotocol.message.find("subprotocol nobody offered"), std::string::npos);
  EXPECT_EQ(error_with("Sec-WebSocket-Extensions: x-other\r\n").kind, Kind::bad_response);
  EXPECT_EQ(
      error_with("Sec-WebSocket-Extensions: permessage-deflate\r\n", {.compression = false}).kind,
      Kind::bad_response);
}

/// What is read meanwhile would come into the buffer that the dialing session is being read from.
TEST(DialAttempt, TouchesNoSocketBeforeTheLoopsNextTurn) {
  LoopThread thread;
  const std::string path = "/tmp/ws-dial-" + std::to_string(::getpid());
  ::unlink(path.c_str());
  Listener listener(path);
  ws::detail::runtime = &handler::runtime();
  bool has_connected_at_once = true;
  tests::TaskOnLoop task(thread, [&]() -> ws::Task<> {
    const ws::Dialer dialer;
    const std::string url = "unix:" + path + "|ws://localhost/";
    auto pending = dialer.dial(url);
    has_connected_at_once = listener.has_waiting();
    const ws::DialResult result = co_await std::move(pending);
  });
  Peer server = listener.accept();
  tests::accept_handshake(server, "");
  EXPECT_TRUE(task.wait());
  EXPECT_FALSE(has_connected_at_once);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace mod_ws::handler
