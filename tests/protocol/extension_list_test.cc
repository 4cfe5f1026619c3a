#include "mod_ws/protocol/extension_list.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

/// "name;parameter=value;parameter" a line, or "malformed".
std::string parsed(std::string_view header) {
  const auto extensions = parse_extension_list(header);
  if (!extensions) return "malformed";
  std::string text;
  for (const Extension& extension : *extensions) {
    text.append(text.empty() ? "" : "\n").append(extension.name);
    for (const auto& [name, value] : extension.parameters) {
      text.append(";").append(name);
      if (value) text.append("=").append(*value);
    }
  }
  return text;
}

TEST(ExtensionList, ReadsElementsAndParameters) {
  EXPECT_EQ(parsed(""), "");
  EXPECT_EQ(parsed("foo"), "foo");
  EXPECT_EQ(parsed("foo, bar; a; b=1"), "foo\nbar;a;b=1");
  EXPECT_EQ(parsed("foo; a=1, foo; a=2"), "foo;a=1\nfoo;a=2");
}

TEST(ExtensionList, AllowsOddSpacingAndEmptyElements) {
  EXPECT_EQ(parsed(" ,, foo \t;  a = 1 ,,bar , "), "foo;a=1\nbar");
}

TEST(ExtensionList, UnquotesValues) {
  EXPECT_EQ(parsed("foo; a=\"12\""), "foo;a=12");
  EXPECT_EQ(parsed("foo; a=\"1\\2\""), "foo;a=12");
}

TEST(ExtensionList, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* const header :
       {"foo bar", "foo;", "foo; =1", "foo; a=", "foo; a=\"1", "foo; a=\"1 2\"", "foo; a=\"\"",
        "foo; a=1 2", "foo; a=\"1\\", "=", ";", "foo/bar", "foo; a=\"1\"2"}) {
    EXPECT_EQ(parsed(header), "malformed") << header;
  }
}

}  // namespace
}  // namespace mod_ws::protocol
