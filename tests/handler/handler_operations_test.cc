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

TEST(HandlerOperations, EndsWithAnErrorWhenTheClientIsGone) {
  was_told = false;
  tests::HandlerOnLoop session(write_until_told);
  EXPECT_TRUE(session.client.receive_frame());
  session.client.close();
  EXPECT_TRUE(session.wait_until([] { return was_told; }));
  EXPECT_TRUE(session.thread.wait_until_empty());
}

TEST(HandlerOperations, LeavesTheLoopToOthersNowAndThen) {
  tests::HandlerOnLoop session(write_until_told);
  // A client that takes all there is, while others want the loop.
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(session.client.receive_frame());
    EXPECT_EQ(session.thread.call([] { return 1; }), 1);
  }
  session.client.close();
  EXPECT_TRUE(session.thread.wait_until_empty());
}

ws::Task<> write_bad_text(ws::Conn& conn) {
  const std::string bad = "bad \xFF text";
  const auto error = co_await conn.write(ws::MessageType::text, bad);
  const std::string told = error.reason() == ws::Error::Reason::not_utf8 ? "told" : "not told";
  if (co_await conn.write(ws::MessageType::text, told)) co_return;
  if (co_await conn.write(ws::MessageType::binary, bad)) co_return;
}

TEST(HandlerOperations, SendsNoTextThatIsNotUtf8) {
  tests::HandlerOnLoop session(write_bad_text);
  const auto first = session.client.receive_frame();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text(), "told");
  const auto second = session.client.receive_frame();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->text(), "bad \xFF text");
  session.expect_close_and_answer(1000);
}

ws::Task<> close_with_bad_reason(ws::Conn& conn) {
  co_await conn.close(ws::CloseCode::normal_closure, "bad \xFF reason");
}

TEST(HandlerOperations, LeavesAReasonOutThatIsNotUtf8) {
  tests::HandlerOnLoop session(close_with_bad_reason);
  const auto close = session.client.receive_frame();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->payload, tests::close_payload(1000));
}

}  // namespace
}  // namespace mod_ws::handler
