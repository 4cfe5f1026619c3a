#include "mod_ws/connection/ending.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace mod_ws::connection {
namespace {

using Cause = Ending::Cause;

TEST(Ending, DescribesEveryCause) {
  EXPECT_EQ(describe({Cause::finished}), "closed as intended");
  EXPECT_EQ(describe({Cause::peer_ended}), "the peer left without a Close frame");
  EXPECT_EQ(describe({Cause::close_timeout}), "no answer to the Close frame in time");
  EXPECT_EQ(describe({Cause::write_timeout}), "the peer took no data in time");
}

TEST(Ending, DescribesSystemAndTlsErrors) {
  EXPECT_EQ(describe({Cause::failed, ECONNRESET}), "Connection reset by peer");
  EXPECT_EQ(describe({Cause::failed, 0}), "TLS error");
}

}  // namespace
}  // namespace mod_ws::connection
