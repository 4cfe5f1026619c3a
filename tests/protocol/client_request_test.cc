#include "mod_ws/protocol/client_request.h"

#include <gtest/gtest.h>

#include <vector>

namespace mod_ws::protocol {
namespace {

using Fields = std::vector<HeaderField>;

WebSocketUrl url_of(std::string_view text) {
  const char* complaint = nullptr;
  return parse_websocket_url(text, complaint).value();
}

TEST(ClientRequest, IsAnOpeningHandshake) {
  const auto url = url_of("ws://example.org:8080/chat?a=b");
  const Fields headers{{"Cookie", "a=b"}, {"Origin", "http://example.org"}, {"cookie", "c=d"}};
  EXPECT_EQ(serialize_client_request({.url = url,
                                      .key = "dGhlIHNhbXBsZSBub25jZQ==",
                                      .subprotocols = "chat.v2, chat.v1",
                                      .extensions = "permessage-deflate",
                                      .headers = headers}),
            "GET /chat?a=b HTTP/1.1\r\n"
            "Host: example.org:8080\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            "Cookie: a=b\r\n"
            "Origin: http://example.org\r\n"
            "cookie: c=d\r\n"
            "\r\n");
}

TEST(ClientRequest, LeavesOutWhatIsNotOffered) {
  const auto url = url_of("wss://example.org");
  const Fields headers{{"host", "other.example"}};
  EXPECT_EQ(serialize_client_request(
                {.url = url, .key = "k", .subprotocols = {}, .extensions = {}, .headers = headers}),
            "GET / HTTP/1.1\r\n"
            "Host: other.example\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: k\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "\r\n");
}

TEST(ClientRequest, AsksAProxyForATunnel) {
  EXPECT_EQ(serialize_connect_request({"example.org", 443}, {.authority = {}, .authorization = {}}),
            "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  EXPECT_EQ(
      serialize_connect_request({"::1", 80}, {.authority = {}, .authorization = "Basic YTo="}),
      "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n"
      "Proxy-Authorization: Basic YTo=\r\n\r\n");
}

TEST(ClientRequest, LetsOrdinaryHeadersThrough) {
  EXPECT_FALSE(check_client_headers(
      Fields{{"Authorization", "Bearer x"}, {"X", "\xC3\xA9\tz"}, {"Host", "a"}, {"Empty", ""}}));
}

TEST(ClientRequest, RefusesHeadersThatCannotBeSent) {
  for (const auto& [field, expected] : std::vector<std::pair<HeaderField, std::string_view>>{
           {{"upgrade", "h2c"}, "set by the handshake"},
           {{"Connection", "close"}, "set by the handshake"},
           {{"SEC-WEBSOCKET-KEY", "x"}, "set by the handshake"},
           {{"Sec-WebSocket-Version", "13"}, "set by the handshake"},
           {{"Sec-WebSocket-Extensions", "x"}, "set by the handshake"},
           {{"Sec-WebSocket-Protocol", "x"}, "set by the handshake"},
           {{"Sec-WebSocket-Accept", "x"}, "set by the handshake"},
           {{"Content-Length", "1"}, "set by the handshake"},
           {{"Transfer-Encoding", "chunked"}, "set by the handshake"},
           {{"", "x"}, "token"},
           {{"a b", "x"}, "token"},
           {{"a:", "x"}, "token"},
           {{"a\r\nb", "x"}, "token"},
           {{"X-\xE2", "x"}, "token"},
           {{"X", "a\r\nb: c"}, "line break"},
           {{"X", "a\n"}, "line break"},
           {{"X", "\x7F"}, "line break"},
           {{"X", std::string(1, '\0')}, "line break"}}) {
    SCOPED_TRACE(field.name);
    const auto complaint = check_client_headers(Fields{{"Fine", "x"}, field});
    ASSERT_TRUE(complaint);
    EXPECT_NE(complaint->find(expected), std::string::npos) << *complaint;
  }
  EXPECT_TRUE(check_client_headers(Fields{{"Host", "a"}, {"host", "b"}}));
}

TEST(ClientRequest, ChecksSubprotocols) {
  using Names = std::vector<std::string>;
  EXPECT_FALSE(check_subprotocols(Names{}));
  EXPECT_FALSE(check_subprotocols(Names{"chat.v1", "Chat.v1", "x"}));
  for (const Names& names :
       {Names{""}, Names{"a b"}, Names{"a,b"}, Names{"a", "b", "a"}, Names{"a\r\n"}})
    EXPECT_TRUE(check_subprotocols(names)) << names.back();
}

}  // namespace
}  // namespace mod_ws::protocol
