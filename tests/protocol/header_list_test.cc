#include "mod_ws/protocol/header_list.h"

#include <gtest/gtest.h>

#include <string>

namespace mod_ws::protocol {
namespace {

using Elements = std::vector<std::string_view>;

TEST(HeaderList, KnowsTokens) {
  for (const std::string_view token : {"a", "Z9", "chat.v2", "!#$%&'*+-.^_`|~"}) {
    EXPECT_TRUE(is_token(token)) << token;
  }
  for (const std::string_view text : {"", " ", "a b", "a,b", "a/b", "a\"", "(a)", "a;b", "a\t",
                                      "a=b", "\xC3\xA9", "@", "[", "]", "{", "}", "\\", ":", "?"}) {
    EXPECT_FALSE(is_token(text)) << text;
  }
  EXPECT_FALSE(is_token(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_token("\x7F"));
}

TEST(HeaderList, ComparesIgnoringCase) {
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_TRUE(equals_ignoring_case("WebSocket", "websocKET"));
  EXPECT_FALSE(equals_ignoring_case("websocket", "websocke"));
  EXPECT_FALSE(equals_ignoring_case("websocke", "websocket"));
  // Neighbours of the letters differ by the case bit too, and are not the same.
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
}

TEST(HeaderList, KnowsWhatIsNotOneLine) {
  EXPECT_TRUE(is_one_line(""));
  EXPECT_TRUE(is_one_line("a b\t\x0b\xff"));
  EXPECT_FALSE(is_one_line("a\r\nb: c"));
  EXPECT_FALSE(is_one_line("a\r"));
  EXPECT_FALSE(is_one_line("\na"));
  EXPECT_FALSE(is_one_line(std::string_view("a\0b", 3)));
}

TEST(HeaderList, TrimsSpacesAndTabs) {
  EXPECT_EQ(trimmed("  \t a b\t "), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(HeaderList, GivesElementsInOrder) {
  EXPECT_EQ(list_elements("a, b ,c"), (Elements{"a", "b", "c"}));
  EXPECT_EQ(list_elements("keep-alive, Upgrade"), (Elements{"keep-alive", "Upgrade"}));
  EXPECT_EQ(list_elements("a; x=1, b"), (Elements{"a; x=1", "b"}));
}

TEST(HeaderList, LeavesEmptyElementsOut) {
  EXPECT_EQ(list_elements(""), Elements{});
  EXPECT_EQ(list_elements(" , ,\t,"), Elements{});
  EXPECT_EQ(list_elements(",a,,b,"), (Elements{"a", "b"}));
}

TEST(HeaderList, FindsTokensInAnyCase) {
  EXPECT_TRUE(list_has_token("keep-alive, UPGRADE", "upgrade"));
  EXPECT_TRUE(list_has_token("upgrade", "Upgrade"));
  EXPECT_FALSE(list_has_token("upgrades", "upgrade"));
  EXPECT_FALSE(list_has_token("up grade", "upgrade"));
  EXPECT_FALSE(list_has_token("", "upgrade"));
}

}  // namespace
}  // namespace mod_ws::protocol
