#include <gtest/gtest.h>

#include "mod_ws/protocol/close_frame.h"
#include "ws/close_code.h"

namespace mod_ws::handler {
namespace {

using ws::CloseCode;

TEST(CloseStatus, IsUnexpectedWhereItIsNotNamed) {
  const ws::CloseStatus lost{CloseCode::abnormal_closure, "reset"};
  EXPECT_TRUE(ws::is_unexpected(lost, {CloseCode::normal_closure, CloseCode::going_away}));
  EXPECT_FALSE(ws::is_unexpected(lost, {CloseCode::going_away, CloseCode::abnormal_closure}));
}

TEST(CloseStatus, IsSerializedAsItIsParsed) {
  const std::string payload = ws::serialize_close({static_cast<CloseCode>(4321), "bye"});
  protocol::Violation violation{};
  const auto status = protocol::parse_close_payload(
      std::span(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()), violation);
  ASSERT_TRUE(status);
  EXPECT_EQ(static_cast<int>(status->code), 4321);
  EXPECT_EQ(status->reason, "bye");
  EXPECT_EQ(ws::serialize_close({}), "");
}

}  // namespace
}  // namespace mod_ws::handler
