#include "mod_ws/engine/contain.h"

#include <gtest/gtest.h>

#include <new>

#include "tests/support/log_lines.h"

namespace mod_ws::engine {
namespace {

TEST(Contain, DropsWhatHasThrown) {
  bool dropped = false;
  contain([] { throw std::bad_alloc(); }, [&] { dropped = true; });
  EXPECT_TRUE(dropped);
}

TEST(Contain, DropsNothingElse) {
  bool worked = false;
  bool dropped = false;
  contain([&] { worked = true; }, [&] { dropped = true; });
  EXPECT_TRUE(worked);
  EXPECT_FALSE(dropped);
}

TEST(Contain, ContainsWhatDroppingThrows) {
  contain([] { throw 1; }, [] { throw std::bad_alloc(); });
}

}  // namespace
}  // namespace mod_ws::engine
