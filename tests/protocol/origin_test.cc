#include "mod_ws/protocol/origin.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace mod_ws::protocol {
namespace {

OriginRules rules_of(std::initializer_list<std::string_view> texts) {
  OriginRules rules;
  for (const std::string_view text : texts) EXPECT_EQ(rules.add(text), std::nullopt) << text;
  return rules;
}

TEST(OriginRules, LetInWhoeverSendsNoOrigin) {
  EXPECT_TRUE(OriginRules::same().allow("", "example.com"));
  EXPECT_TRUE(rules_of({"other.org"}).allow("", "example.com"));
}

TEST(OriginRules, SameMeansHostAndPort) {
  const OriginRules same = OriginRules::same();
  EXPECT_TRUE(same.allow("http://example.com", "example.com"));
  EXPECT_TRUE(same.allow("https://example.com", "example.com"));
  EXPECT_TRUE(same.allow("http://example.com:8080", "example.com:8080"));
  EXPECT_FALSE(same.allow("http://example.com:8080", "example.com:8081"));
  EXPECT_FALSE(same.allow("http://example.com:8080", "example.com"));
  EXPECT_FALSE(same.allow("http://example.com", "example.com:8080"));
  EXPECT_FALSE(same.allow("http://example.org", "example.com"));
  EXPECT_FALSE(same.allow("http://sub.example.com", "example.com"));
  EXPECT_FALSE(same.allow("http://example.com.evil.org", "example.com"));
  EXPECT_FALSE(same.allow("http://notexample.com", "example.com"));
}

TEST(OriginRules, SameKnowsDefaultPorts) {
  const OriginRules same = OriginRules::same();
  EXPECT_TRUE(same.allow("http://example.com", "example.com:80"));
  EXPECT_TRUE(same.allow("https://example.com", "example.com:443"));
  EXPECT_TRUE(same.allow("http://example.com:80", "example.com"));
  EXPECT_TRUE(same.allow("https://example.com:443", "example.com"));
  EXPECT_FALSE(same.allow("https://example.com", "example.com:80"));
  EXPECT_FALSE(same.allow("http://example.com:443", "example.com"));
}

TEST(OriginRules, SameIgnoresCase) {
  EXPECT_TRUE(OriginRules::same().allow("HTTPS://Example.COM", "eXample.com:443"));
}

TEST(OriginRules, SameReadsIpv6) {
  const OriginRules same = OriginRules::same();
  EXPECT_TRUE(same.allow("http://[::1]:8080", "[::1]:8080"));
  EXPECT_TRUE(same.allow("http://[2001:DB8::1]", "[2001:db8::1]"));
  EXPECT_TRUE(same.allow("http://[::1]", "[::1]:80"));
  EXPECT_FALSE(same.allow("http://[::1]", "[::2]"));
  EXPECT_FALSE(same.allow("http://[::1]:81", "[::1]"));
}

TEST(OriginRules, RefuseNullAndWhatIsNoOrigin) {
  for (const std::string_view origin : {"null", "NULL", "example.com", "http:/example.com"}) {
    EXPECT_FALSE(OriginRules::same().allow(origin, "example.com")) << origin;
    EXPECT_FALSE(rules_of({"example.com"}).allow(origin, "example.com")) << origin;
    EXPECT_TRUE(OriginRules::any().allow(origin, "example.com")) << origin;
  }
}

TEST(OriginRules, AnyLetsInEveryone) {
  EXPECT_TRUE(OriginRules::any().allow("https://evil.org", "example.com"));
  EXPECT_TRUE(rules_of({"any"}).allow("https://evil.org", "example.com"));
}

TEST(OriginRules, NoneLetInNoBrowser) {
  EXPECT_FALSE(OriginRules().allow("https://example.com", "example.com"));
}

TEST(OriginRules, PatternWithoutPortMeansTheDefault) {
  const OriginRules rules = rules_of({"example.com"});
  EXPECT_TRUE(rules.allow("https://example.com", "other"));
  EXPECT_TRUE(rules.allow("http://example.com", "other"));
  EXPECT_TRUE(rules.allow("https://EXAMPLE.com:443", "other"));
  EXPECT_FALSE(rules.allow("https://example.com:8443", "other"));
  EXPECT_FALSE(rules.allow("https://example.com:80", "other"));
  EXPECT_FALSE(rules.allow("https://www.example.com", "other"));
}

TEST(OriginRules, PatternComparesItsScheme) {
  const OriginRules rules = rules_of({"HTTPS://Example.com"});
  EXPECT_TRUE(rules.allow("https://example.com", "other"));
  EXPECT_FALSE(rules.allow("http://example.com", "other"));
  EXPECT_FALSE(rules.allow("http://example.com:443", "other"));
}

TEST(OriginRules, PatternComparesItsPort) {
  const OriginRules rules = rules_of({"https://example.com:8443"});
  EXPECT_TRUE(rules.allow("https://example.com:8443", "other"));
  EXPECT_FALSE(rules.allow("https://example.com", "other"));
  const OriginRules explicit_default = rules_of({"https://example.com:443"});
  EXPECT_TRUE(explicit_default.allow("https://example.com", "other"));
}

TEST(OriginRules, PatternWithStarTakesEveryPort) {
  const OriginRules rules = rules_of({"localhost:*"});
  EXPECT_TRUE(rules.allow("http://localhost", "other"));
  EXPECT_TRUE(rules.allow("http://localhost:3000", "other"));
  EXPECT_FALSE(rules.allow("http://localhost.evil.org:3000", "other"));
}

TEST(OriginRules, WildcardTakesSubdomainsOnly) {
  const OriginRules rules = rules_of({"https://*.example.com"});
  EXPECT_TRUE(rules.allow("https://a.example.com", "other"));
  EXPECT_TRUE(rules.allow("https://a.b.Example.com", "other"));
  EXPECT_FALSE(rules.allow("https://example.com", "other"));
  EXPECT_FALSE(rules.allow("https://notexample.com", "other"));
  EXPECT_FALSE(rules.allow("https://a.example.com.evil.org", "other"));
  EXPECT_FALSE(rules.allow("http://a.example.com", "other"));
  EXPECT_FALSE(rules.allow("https://a.example.com:8443", "other"));
}

TEST(OriginRules, PatternReadsIpv6) {
  const OriginRules rules = rules_of({"http://[::1]:3000"});
  EXPECT_TRUE(rules.allow("http://[::1]:3000", "other"));
  EXPECT_FALSE(rules.allow("http://[::1]", "other"));
}

TEST(OriginRules, TakeOtherSchemes) {
  const OriginRules rules = rules_of({"chrome-extension://abcdefgh"});
  EXPECT_TRUE(rules.allow("chrome-extension://abcdefgh", "other"));
  EXPECT_FALSE(rules.allow("https://abcdefgh", "other"));
}

TEST(OriginRules, AddUp) {
  const OriginRules rules = rules_of({"same", "https://a.org", "*.b.org"});
  EXPECT_TRUE(rules.allow("https://example.com", "example.com"));
  EXPECT_TRUE(rules.allow("https://a.org", "example.com"));
  EXPECT_TRUE(rules.allow("https://x.b.org", "example.com"));
  EXPECT_FALSE(rules.allow("https://c.org", "example.com"));
}

TEST(OriginRules, RefuseBadHosts) {
  for (const std::string_view rule :
       {"", "*", "*.", "https://", "https://*", "a*.org", "*.*.org", "a b", "https://a.org/",
        "https://a.org/path", "user@a.org", ":80", "a.org?", "\xC3\xA9.org"}) {
    OriginRules rules;
    EXPECT_NE(rules.add(rule), std::nullopt) << rule;
    EXPECT_EQ(rules, OriginRules()) << rule;
  }
}

TEST(OriginRules, RefuseBadPorts) {
  for (const std::string_view rule : {"a.org:http", "a.org:8080/", "https://a.org:8443/path",
                                      "a.org:", "a.org:**", "a.org:-1", "a.org:65536"}) {
    OriginRules rules;
    EXPECT_NE(rules.add(rule), std::nullopt) << rule;
  }
}

TEST(OriginRules, RefuseBadSchemes) {
  for (const std::string_view rule : {"://a.org", "ht tp://a.org", "*://a.org"}) {
    OriginRules rules;
    EXPECT_NE(rules.add(rule), std::nullopt) << rule;
  }
}

}  // namespace
}  // namespace mod_ws::protocol
