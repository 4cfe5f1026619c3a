#include "mod_ws/protocol/closing_handshake.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

TEST(ClosingHandshake, BeginsWithNothingSaid) {
  const ClosingHandshake closing;
  EXPECT_FALSE(closing.sent());
  EXPECT_FALSE(closing.received());
  EXPECT_FALSE(closing.complete());
  EXPECT_TRUE(closing.may_send_data());
}

TEST(ClosingHandshake, SendsNoDataAfterClose) {
  ClosingHandshake closing;
  closing.on_sent();
  EXPECT_TRUE(closing.sent());
  EXPECT_FALSE(closing.may_send_data());
  EXPECT_FALSE(closing.complete());
}

TEST(ClosingHandshake, MayAnswerAfterThePeersClose) {
  ClosingHandshake closing;
  closing.on_received();
  EXPECT_TRUE(closing.received());
  EXPECT_TRUE(closing.may_send_data());
  EXPECT_FALSE(closing.complete());
}

TEST(ClosingHandshake, CompletesInEitherOrder) {
  ClosingHandshake ours_first;
  ours_first.on_sent();
  ours_first.on_received();
  EXPECT_TRUE(ours_first.complete());
  ClosingHandshake theirs_first;
  theirs_first.on_received();
  theirs_first.on_sent();
  EXPECT_TRUE(theirs_first.complete());
}

}  // namespace
}  // namespace mod_ws::protocol
