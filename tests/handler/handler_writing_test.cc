#include <gtest/gtest.h>

#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

bool was_told = false;  // on the loop's thread

ws::Task<> write_until_told(ws::Conn& conn) {
  const std::string payload(100'000, 'x');
  while (true) {
    const auto error = co_await conn.write(ws::MessageType::binary, payload);
    if (error) break;
  }
  was_told = true;
}

TEST(HandlerWriting, EndsWithAnErrorWhenTheClientIsGone) {
  was_told = false;
  tests::HandlerOnLoop session(write_until_told);
  EXPECT_TRUE(session.client.receive_frame());
  session.client.close();
  EXPECT_TRUE(session.wait_until([] { return was_told; }));
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(HandlerWriting, LeavesTheLoopToOthersNowAndThen) {
  tests::HandlerOnLoop session(write_until_told);
  // A client that takes all there is, while others want the loop.
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(session.client.receive_frame());
    EXPECT_EQ(session.thread.call([] { return 1; }), 1);
  }
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
}

}  // namespace
}  // namespace mod_ws::handler
