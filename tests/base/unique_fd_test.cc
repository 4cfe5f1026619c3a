#include "mod_ws/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace mod_ws::base {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesAtItsEnd) {
  const int fd = open_null();
  {
    const UniqueFd owner(fd);
    EXPECT_EQ(owner.get(), fd);
    EXPECT_TRUE(owner);
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, OwnsNothingAtFirstAndAfterReset) {
  UniqueFd owner;
  EXPECT_FALSE(owner);
  const int fd = open_null();
  owner = UniqueFd(fd);
  EXPECT_TRUE(owner);
  owner.reset();
  EXPECT_FALSE(owner);
  EXPECT_FALSE(is_open(fd));
  owner.reset();
}

TEST(UniqueFd, OwnsTheDescriptor0) {
  EXPECT_TRUE(UniqueFd(::dup(0)));
  UniqueFd none(-1);
  EXPECT_FALSE(none);
}

TEST(UniqueFd, Moves) {
  const int first_fd = open_null();
  const int second_fd = open_null();
  UniqueFd first(first_fd);
  UniqueFd moved(std::move(first));
  EXPECT_FALSE(first);  // NOLINT: moved from, and empty
  EXPECT_EQ(moved.get(), first_fd);
  {
    UniqueFd second(second_fd);
    moved = std::move(second);
    EXPECT_EQ(moved.get(), second_fd);
  }
  EXPECT_FALSE(is_open(first_fd));
  EXPECT_TRUE(is_open(second_fd));
}

}  // namespace
}  // namespace mod_ws::base
