#include "mod_ws/protocol/url_authority.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

TEST(UrlAuthority, ParsesHostAndPort) {
  struct Case {
    std::string_view text, host;
    std::uint16_t port;
  };
  for (const auto& [text, host, port] :
       {Case{"example.org", "example.org", 80}, Case{"Example.ORG:8080", "Example.ORG", 8080},
        Case{"192.0.2.7:1", "192.0.2.7", 1}, Case{"a_b.c-d~:65535", "a_b.c-d~", 65535},
        Case{"host:", "host", 80}, Case{"host:00080", "host", 80}, Case{"[::1]", "::1", 80},
        Case{"[2001:DB8::1]:443", "2001:DB8::1", 443},
        Case{"[::ffff:192.0.2.7]:", "::ffff:192.0.2.7", 80}}) {
    const char* complaint = nullptr;
    const auto authority = parse_url_authority(text, 80, complaint);
    ASSERT_TRUE(authority) << text << ": " << complaint;
    EXPECT_EQ(authority->host, host);
    EXPECT_EQ(authority->port, port);
  }
}

void expect_complaint(std::string_view text, std::string_view expected) {
  SCOPED_TRACE(text);
  const char* complaint = "";
  EXPECT_FALSE(parse_url_authority(text, 80, complaint));
  EXPECT_NE(std::string_view(complaint).find(expected), std::string_view::npos) << complaint;
}

TEST(UrlAuthority, RejectsWhatIsNoHost) {
  for (const std::string_view text :
       {"", ":80", "a b", "a/b", "a\r\nb", "a%20b", "\xC3\xA9.org", "[", "[]", "[::1", "[1.2.3.4]",
        "[::g]", "[fe80::1%25eth0]", "a\\b", "a|b", "a\x7F"}) {
    expect_complaint(text, "host");
  }
  expect_complaint(std::string(254, 'a'), "host");
  expect_complaint(std::string_view("a\0b", 3), "host");
}

TEST(UrlAuthority, RejectsWhatIsNoPort) {
  for (const std::string_view text : {"a:0", "a:65536", "a:123456", "a:-1", "a:+1", "a:8o", "a: 80",
                                      "[::1]80", "[::1]:x", "a:80:80", "::1"}) {
    expect_complaint(text, text == "::1" ? "host" : "port");
  }
}

TEST(UrlAuthority, RejectsAUser) {
  expect_complaint("alice@example.org", "user");
  expect_complaint("alice:secret@example.org:80", "user");
}

TEST(UrlAuthority, IsWrittenWithBracketsWhereTheyBelong) {
  EXPECT_EQ(authority_with_port({"example.org", 80}), "example.org:80");
  EXPECT_EQ(authority_with_port({"::1", 443}), "[::1]:443");
  EXPECT_EQ(host_in_url("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(host_in_url("::1"), "[::1]");
}

}  // namespace
}  // namespace mod_ws::protocol
