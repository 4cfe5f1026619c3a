#include "mod_ws/base/byte_budget.h"

#include <gtest/gtest.h>

namespace mod_ws::base {
namespace {

TEST(ByteBudget, ReservesUpToItsLimit) {
  ByteBudget::Counter used{0};
  ByteBudget budget(used, 100);
  const auto most = budget.reserve(90);
  EXPECT_TRUE(most);
  EXPECT_FALSE(budget.reserve(11));
  EXPECT_TRUE(budget.reserve(10));  // given back at once
  EXPECT_EQ(used, 90);
}

TEST(ByteBudget, GetsBackWhatIsDestroyedAndOnlyOnce) {
  ByteBudget::Counter used{0};
  ByteBudget budget(used, 100);
  {
    auto first = budget.reserve(60);
    ByteBudget::Reservation moved = std::move(*first);
    first.reset();
    EXPECT_EQ(used, 60);
  }
  EXPECT_EQ(used, 0);
}

}  // namespace
}  // namespace mod_ws::base
