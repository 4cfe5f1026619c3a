#include "mod_ws/base/decimal.h"

#include <gtest/gtest.h>

namespace mod_ws::base {
namespace {

TEST(Decimal, IsDigitsOnly) {
  EXPECT_EQ(parse_decimal("0"), 0U);
  EXPECT_EQ(parse_decimal("18446744073709551615"), 18446744073709551615U);
  for (const char* const wrong : {"", " 1", "1 ", "+1", "-1", "0x1", "1.5", "18446744073709551616"})
    EXPECT_EQ(parse_decimal(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace mod_ws::base
