#include "mod_ws/base/packed_strings.h"

#include <gtest/gtest.h>

#include <string>

namespace mod_ws::base {
namespace {

TEST(PackedStrings, GivesBackWhatItWasGiven) {
  const std::string large(100'000, 'x');
  const PackedStrings strings{"first", "", large, std::string_view("a\0b", 3), "last"};
  EXPECT_EQ(strings[0], "first");
  EXPECT_EQ(strings[1], "");
  EXPECT_EQ(strings[2], large);
  EXPECT_EQ(strings[3], std::string_view("a\0b", 3));
  EXPECT_EQ(strings[4], "last");
}

TEST(PackedStrings, HoldsOnlyEmptyOnes) {
  const PackedStrings strings{"", ""};
  EXPECT_EQ(strings[0], "");
  EXPECT_EQ(strings[1], "");
}

TEST(PackedStrings, CopiesTheText) {
  std::string text = "before";
  const PackedStrings strings{text};
  text = "after!";
  EXPECT_EQ(strings[0], "before");
}

}  // namespace
}  // namespace mod_ws::base
