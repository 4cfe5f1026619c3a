#include "mod_ws/protocol/websocket_url.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

WebSocketUrl parse(std::string_view text) {
  const char* complaint = "";
  const auto url = parse_websocket_url(text, complaint);
  EXPECT_TRUE(url) << text << ": " << complaint;
  return url.value_or(WebSocketUrl{});
}

TEST(WebSocketUrl, ParsesItsParts) {
  const WebSocketUrl url = parse("wss://example.org:8443/chat?room=1&a=%20");
  EXPECT_TRUE(url.is_secure);
  EXPECT_EQ(url.unix_path, "");
  EXPECT_EQ(url.authority.host, "example.org");
  EXPECT_EQ(url.authority.port, 8443);
  EXPECT_EQ(url.target, "/chat?room=1&a=%20");
  EXPECT_EQ(url.text(), "wss://example.org:8443/chat?room=1&a=%20");
}

TEST(WebSocketUrl, HasDefaults) {
  EXPECT_EQ(parse("ws://a").authority.port, 80);
  EXPECT_EQ(parse("WSS://a").authority.port, 443);
  EXPECT_EQ(parse("ws://a").target, "/");
  EXPECT_EQ(parse("ws://a?b=c/d").target, "/?b=c/d");
  EXPECT_EQ(parse("ws://a:/").authority.port, 80);
}

TEST(WebSocketUrl, NamesThePortInHostWhereItIsNotTheSchemes) {
  EXPECT_EQ(parse("ws://a:80/").host_header(), "a");
  EXPECT_EQ(parse("ws://a:443/").host_header(), "a:443");
  EXPECT_EQ(parse("wss://a:443/").host_header(), "a");
  EXPECT_EQ(parse("ws://[::1]/").host_header(), "[::1]");
  EXPECT_EQ(parse("ws://[::1]:8080/").host_header(), "[::1]:8080");
}

TEST(WebSocketUrl, ParsesAUnixSocket) {
  const WebSocketUrl url = parse("unix:/run/app.sock|ws://app/chat");
  EXPECT_EQ(url.unix_path, "/run/app.sock");
  EXPECT_FALSE(url.is_secure);
  EXPECT_EQ(url.authority.host, "app");
  EXPECT_EQ(url.target, "/chat");
  EXPECT_EQ(url.text(), "unix:/run/app.sock|ws://app/chat");
  const std::string longest = "/" + std::string(106, 'a');
  EXPECT_EQ(parse("UNIX:" + longest + "|wss://app").unix_path, longest);
}

void expect_complaint(std::string_view text, std::string_view expected) {
  SCOPED_TRACE(text);
  const char* complaint = "";
  EXPECT_FALSE(parse_websocket_url(text, complaint));
  EXPECT_NE(std::string_view(complaint).find(expected), std::string_view::npos) << complaint;
}

TEST(WebSocketUrl, RejectsOtherSchemes) {
  for (const std::string_view text :
       {"", "http://a", "ws:/a", "ws:a", "wss//a", "//a", "a", "ws:", " ws://a", "unix://a"}) {
    expect_complaint(text, text == "unix://a" ? "missing" : "ws://");
  }
}

TEST(WebSocketUrl, RejectsAFragment) {
  expect_complaint("ws://a/#top", "fragment");
  expect_complaint("ws://a#", "fragment");
  expect_complaint("ws://a/b?c#d", "fragment");
}

TEST(WebSocketUrl, RejectsWhatMustBeEncoded) {
  for (const std::string_view text : {"ws://a/b c", "ws://a/\r\nX: y", "ws://a/\xC3\xA9",
                                      "ws://a/\x7F", "ws://a/?\t", "ws://a/b\n"}) {
    expect_complaint(text, "percent-encoded");
  }
  expect_complaint(std::string_view("ws://a/\0", 8), "percent-encoded");
}

TEST(WebSocketUrl, RejectsABadAuthority) {
  expect_complaint("ws://", "host");
  expect_complaint("ws:///path", "host");
  expect_complaint("ws://alice@a/", "user");
  expect_complaint("ws://a:http/", "port");
}

TEST(WebSocketUrl, RejectsABadUnixPath) {
  expect_complaint("unix:/run/app.sock", "missing");
  expect_complaint("unix:app.sock|ws://a", "begins");
  expect_complaint("unix:|ws://a", "begins");
  expect_complaint("unix:/" + std::string(107, 'a') + "|ws://a", "107");
  expect_complaint(std::string_view("unix:/a\0b|ws://a", 16), "begins");
}

}  // namespace
}  // namespace mod_ws::protocol
