// Dialing through an HTTP proxy, and with TLS.

#include <gtest/gtest.h>

#include "mod_ws/handler/dial_attempt.h"
#include "tests/support/dialing.h"

namespace mod_ws::handler {
namespace {

using tests::Bytes;
using tests::bytes_of;
using tests::Certificate;
using tests::ContextPtr;
using tests::Dialing;
using tests::frame;
using tests::Listener;
using tests::LoopThread;
using tests::Peer;
using tests::TemporaryFile;
using tests::TlsPeer;
using Kind = ws::DialError::Kind;

constexpr const char* established = "HTTP/1.1 200 Connection established\r\n\r\n";

ws::Task<> echo_once(ws::Conn& conn) {
  const auto message = co_await conn.read();
  if (message) [[maybe_unused]]
    const auto error = co_await conn.write(*message);
}

/// The connection works in both directions.
template <class Stream>
void expect_echo(Dialing& dialing, Stream& server) {
  ASSERT_TRUE(dialing.wait());
  ASSERT_TRUE(dialing.result) << dialing.result.error.message;
  server.send(frame({.sender = protocol::Role::server}, "Hello"));
  ASSERT_TRUE(dialing.run(echo_once));
  Bytes echo = server.receive(2 + 4 + 5);
  ASSERT_EQ(echo.size(), 11U);
  EXPECT_EQ(echo[0], 0x81);
  EXPECT_EQ(echo[1], 0x85);
  for (std::size_t i = 0; i < 5; ++i) echo[6 + i] ^= echo[2 + i % 4];
  EXPECT_EQ(tests::text_of(Bytes(echo.begin() + 6, echo.end())), "Hello");
}

// ---- a proxy

TEST(DialProxy, MakesATunnel) {
  LoopThread thread;
  Listener proxy;
  Dialing dialing(thread, "ws://server.example/chat",
                  {.headers = {{"Authorization", "Bearer x"}},
                   .proxy = "http://alice:secret@" + proxy.authority()});
  Peer server = proxy.accept();
  EXPECT_EQ(tests::receive_head(server),
            "CONNECT server.example:80 HTTP/1.1\r\nHost: server.example:80\r\n"
            "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
  server.send(bytes_of("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"));  // the length says nothing
  const std::string request = tests::accept_handshake(server);
  EXPECT_EQ(tests::header_in(request, "Host"), "server.example");
  EXPECT_EQ(tests::header_in(request, "Proxy-Authorization"), "");
  EXPECT_EQ(tests::header_in(request, "Authorization"), "Bearer x");
  expect_echo(dialing, server);
}

/// What comes of a proxy that answers so.
struct ProxyAnswered {
  explicit ProxyAnswered(const std::string& answer)
      : dialing(thread, "ws://server.example/", {.proxy = "http://" + proxy.authority()}) {
    Peer peer = proxy.accept();
    tests::receive_head(peer);
    peer.send(bytes_of(answer));
    peer.shutdown_write();
    error = dialing.wait_for_error();
    EXPECT_TRUE(thread.wait_until_empty());
  }
  LoopThread thread;
  Listener proxy;
  ws::DialError error;
  Dialing dialing;
};

TEST(DialProxy, TellsThatItRefuses) {
  const ProxyAnswered answered(
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\nbody");
  EXPECT_EQ(answered.error.kind, Kind::proxy);
  EXPECT_EQ(answered.error.message, "ws://server.example/: the proxy " +
                                        answered.proxy.authority() +
                                        " answered 407 Proxy Authentication Required");
  EXPECT_EQ(answered.dialing.result.status, 407);
  EXPECT_EQ(answered.dialing.result.header("Proxy-Authenticate"), "Basic");
}

TEST(DialProxy, TellsThatItIsNone) {
  for (const std::string& answer :
       {std::string("SSH-2.0-x\r\n"), std::string("HTTP/1.1 200 OK\r\n"), std::string(),
        established + std::string("early"), std::string("HTTP/1.1 101 Switching\r\n\r\n")}) {
    const ProxyAnswered answered(answer);
    EXPECT_EQ(answered.error.kind, Kind::proxy) << answer;
    EXPECT_NE(answered.error.message.find("the proxy 127.0.0.1"), std::string::npos);
  }
}

TEST(DialProxy, TellsThatItIsNotThere) {
  LoopThread thread;
  const std::string authority = "127.0.0.1:" + std::to_string(tests::closed_port());
  Dialing dialing(thread, "ws://server.example", {.proxy = "http://" + authority});
  const auto error = dialing.wait_for_error();
  EXPECT_EQ(error.kind, Kind::connect);
  EXPECT_NE(error.message.find(authority), std::string::npos);
}

// ---- TLS

class DialTls : public testing::Test {
 protected:
  ws::Dialer trusting() const { return {.tls = {.ca_file = ca_file.name()}}; }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "wss://" + host + ":" + std::to_string(listener.port()) + "/";
  }
  /// What comes of a dial to a server with this certificate.
  ws::DialError error_of(const std::string& dialed, ws::Dialer dialer) {
    Dialing dialing(thread, dialed, std::move(dialer));
    const TlsPeer server(listener.accept(), context);
    EXPECT_FALSE(server.is_accepted());
    return dialing.wait_for_error();
  }

  LoopThread thread;
  Listener listener;
  Certificate certificate{"DNS:localhost,DNS:server.example,IP:127.0.0.1"};
  TemporaryFile ca_file{certificate.pem()};
  ContextPtr context = certificate.server_context();
};

TEST_F(DialTls, ConnectsToWhomItTrusts) {
  Dialing dialing(thread, url(), trusting());
  TlsPeer server(listener.accept(), context);
  tests::accept_handshake(server);
  expect_echo(dialing, server);
}

TEST_F(DialTls, GivesTheSessionWhatCameBehindThe101) {
  Dialing dialing(thread, url("localhost"), trusting());
  TlsPeer server(listener.accept(), context);
  EXPECT_EQ(server.server_name(), "localhost");
  const std::string request = tests::receive_head(server);
  const Bytes early = frame({.sender = protocol::Role::server}, "early");
  Bytes answer = bytes_of(tests::accepting(request));
  answer.insert(answer.end(), early.begin(), early.end());
  server.send(answer);
  ASSERT_TRUE(dialing.wait());
  ASSERT_TRUE(dialing.result) << dialing.result.error.message;
  std::string received;
  EXPECT_TRUE(dialing.run([&](ws::Conn& conn) -> ws::Task<> {
    const auto message = co_await conn.read();
    if (message) received = message->payload;
  }));
  EXPECT_EQ(received, "early");
}

TEST_F(DialTls, VerifiesByDefault) {
  const auto error = error_of(url(), {});
  EXPECT_EQ(error.kind, Kind::tls);
  EXPECT_NE(error.message.find("certificate is not accepted: self-signed"), std::string::npos)
      << error.message;
}

TEST_F(DialTls, VerifiesTheName) {
  ws::Dialer dialer = trusting();
  dialer.tls.server_name = "other.example";
  const auto error = error_of(url(), dialer);
  EXPECT_EQ(error.kind, Kind::tls);
  EXPECT_NE(error.message.find("hostname mismatch"), std::string::npos) << error.message;
}

TEST_F(DialTls, ConnectsToAnybodyWhenAskedTo) {
  Dialing dialing(thread, url(), {.tls = {.verify = false, .server_name = "other.example"}});
  TlsPeer server(listener.accept(), context);
  EXPECT_EQ(server.server_name(), "other.example");
  tests::accept_handshake(server);
  expect_echo(dialing, server);
}

TEST_F(DialTls, TellsAFileThatIsOfNoUse) {
  Dialing dialing(thread, url(), {.tls = {.ca_file = "/nonexistent/ca.pem"}});
  const auto error = dialing.wait_for_error();
  EXPECT_EQ(error.kind, Kind::tls);
  EXPECT_NE(error.message.find("/nonexistent/ca.pem"), std::string::npos);
}

TEST_F(DialTls, TellsThatTheServerSpeaksNoTls) {
  Dialing dialing(thread, url(), trusting());
  Peer server = listener.accept();
  server.send(bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_EQ(dialing.wait_for_error().kind, Kind::tls);
  server.close();
  Dialing hung_up(thread, url(), trusting());
  listener.accept().close();
  EXPECT_EQ(hung_up.wait_for_error().kind, Kind::tls);
}

TEST_F(DialTls, GoesThroughAProxy) {
  ws::Dialer dialer = trusting();
  dialer.proxy = "http://" + listener.authority();
  Dialing dialing(thread, "wss://server.example/", dialer);
  Peer proxy = listener.accept();
  EXPECT_TRUE(tests::receive_head(proxy).starts_with("CONNECT server.example:443 HTTP/1.1\r\n"));
  proxy.send(bytes_of(established));
  TlsPeer server(std::move(proxy), context);
  EXPECT_EQ(server.server_name(), "server.example");
  tests::accept_handshake(server);
  expect_echo(dialing, server);
}

TEST_F(DialTls, TellsARefusal) {
  Dialing dialing(thread, url(), trusting());
  TlsPeer server(listener.accept(), context);
  tests::receive_head(server);
  server.send(bytes_of("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"));
  EXPECT_EQ(dialing.wait_for_error().kind, Kind::refused);
  EXPECT_EQ(dialing.result.body, "gone");
}

}  // namespace
}  // namespace mod_ws::handler
