#include "mod_ws/protocol/proxy_url.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

ProxyUrl parse(std::string_view text) {
  const char* complaint = "";
  const auto url = parse_proxy_url(text, complaint);
  EXPECT_TRUE(url) << text << ": " << complaint;
  return url.value_or(ProxyUrl{});
}

TEST(ProxyUrl, ParsesHostAndPort) {
  EXPECT_EQ(parse("http://proxy:3128").authority.host, "proxy");
  EXPECT_EQ(parse("http://proxy:3128/").authority.port, 3128);
  EXPECT_EQ(parse("HTTP://[::1]").authority.host, "::1");
  EXPECT_EQ(parse("http://proxy").authority.port, 80);
  EXPECT_EQ(parse("http://proxy").authorization, "");
}

TEST(ProxyUrl, MakesCredentialsOfItsUser) {
  EXPECT_EQ(parse("http://Aladdin:open%20sesame@proxy").authorization,
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 2
  EXPECT_EQ(parse("http://a@proxy").authorization, "Basic YTo=");
  EXPECT_EQ(parse("http://a:b:c@proxy").authorization, "Basic YTpiOmM=");
  EXPECT_EQ(parse("http://a:%40%2f@proxy:1").authorization, "Basic YTpALw==");
  EXPECT_EQ(parse("http://a:b@c@proxy:1").authority.host, "proxy");
}

TEST(ProxyUrl, RejectsWhatIsNone) {
  for (const std::string_view text :
       {"", "proxy:3128", "https://proxy", "socks5://proxy", "http://", "http://proxy/path",
        "http://proxy:0", "http://proxy?x", "http://a:b@", "http://a%3Ab:c@proxy",
        "http://a%4@proxy", "http://a%4x@proxy", "http://a%@proxy"}) {
    const char* complaint = nullptr;
    EXPECT_FALSE(parse_proxy_url(text, complaint)) << text;
    EXPECT_NE(complaint, nullptr);
  }
}

}  // namespace
}  // namespace mod_ws::protocol
