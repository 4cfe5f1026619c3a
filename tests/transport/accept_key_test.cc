#include "mod_ws/transport/accept_key.h"

#include <gtest/gtest.h>

namespace mod_ws::transport {
namespace {

TEST(AcceptKey, AnswersTheKeyOfTheRfc) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(AcceptKey, DependsOnEveryCharacter) {
  EXPECT_NE(accept_key("dGhlIHNhbXBsZSBub25jZA=="), accept_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_EQ(accept_key("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

}  // namespace
}  // namespace mod_ws::transport
