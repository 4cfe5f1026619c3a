#include "mod_ws/handler/dial_plan.h"

#include <gtest/gtest.h>

#include "tests/support/dialing.h"

namespace mod_ws::handler {
namespace {

using Kind = ws::DialError::Kind;

DialPlan plan_for(std::string_view url, const ws::Dialer& dialer = {}) {
  engine::RandomSource random;
  ws::DialError error;
  auto plan = make_dial_plan(url, dialer, random, error);
  EXPECT_TRUE(plan) << error.message;
  return plan.value_or(DialPlan{});
}

ws::DialError error_of(std::string_view url, const ws::Dialer& dialer = {}) {
  engine::RandomSource random;
  ws::DialError error;
  EXPECT_FALSE(make_dial_plan(url, dialer, random, error));
  return error;
}

TEST(DialPlan, HoldsTheRequest) {
  const DialPlan plan =
      plan_for("wss://example.org/chat?token=secret", {.subprotocols = {"chat.v2", "chat.v1"},
                                                       .headers = {{"Cookie", "a=b"}},
                                                       .handshake_timeout = std::chrono::seconds(3),
                                                       .read_limit = 5});
  EXPECT_TRUE(plan.request.starts_with("GET /chat?token=secret HTTP/1.1\r\nHost: example.org\r\n"));
  EXPECT_EQ(tests::header_in(plan.request, "Sec-WebSocket-Protocol"), "chat.v2, chat.v1");
  EXPECT_EQ(tests::header_in(plan.request, "Cookie"), "a=b");
  EXPECT_EQ(tests::header_in(plan.request, "Sec-WebSocket-Extensions"),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "client_max_window_bits");
  const std::string key = tests::header_in(plan.request, "Sec-WebSocket-Key");
  EXPECT_EQ(key.size(), 24U);
  EXPECT_EQ(plan.accept, transport::accept_key(key));
  EXPECT_EQ(plan.server_name, "example.org");
  EXPECT_EQ(plan.timeout, std::chrono::seconds(3));
  EXPECT_EQ(plan.read_limit_bytes, 5U);
  EXPECT_EQ(plan.name(), "wss://example.org/chat");
}

TEST(DialPlan, HasAKeyOfItsOwn) { EXPECT_NE(plan_for("ws://a").accept, plan_for("ws://a").accept); }

TEST(DialPlan, OffersNothingUnasked) {
  const DialPlan plan = plan_for("ws://a", {.compression = false});
  EXPECT_EQ(plan.request.find("Sec-WebSocket-Extensions"), std::string::npos);
  EXPECT_EQ(plan.request.find("Sec-WebSocket-Protocol"), std::string::npos);
  EXPECT_FALSE(plan.tls);
}

TEST(DialPlan, VerifiesUnlessToldNotTo) {
  EXPECT_TRUE(plan_for("wss://a").tls->verifies);
  const DialPlan plan =
      plan_for("wss://a", {.tls = {.verify = false, .ca_file = "/ca", .server_name = "b"}});
  EXPECT_FALSE(plan.tls->verifies);
  EXPECT_EQ(plan.tls->ca_file, "/ca");
  EXPECT_EQ(plan.server_name, "b");
}

TEST(DialPlan, RefusesWhatCannotBeDialed) {
  EXPECT_EQ(error_of("http://a").kind, Kind::bad_url);
  EXPECT_EQ(error_of("ws://alice:secret@a").kind, Kind::bad_url);
  EXPECT_EQ(error_of("ws://alice:secret@a").message.find("secret"), std::string::npos);
  EXPECT_EQ(error_of("ws://a", {.proxy = "https://a:secret@proxy"}).kind, Kind::bad_url);
  EXPECT_EQ(error_of("unix:/a|ws://a", {.proxy = "http://proxy"}).kind, Kind::bad_url);
  EXPECT_EQ(error_of("ws://a", {.headers = {{"Upgrade", "h2c"}}}).kind, Kind::bad_header);
  EXPECT_EQ(error_of("ws://a", {.headers = {{"X", "a\r\nb: c"}}}).kind, Kind::bad_header);
  EXPECT_EQ(error_of("ws://a", {.subprotocols = {"a b"}}).kind, Kind::bad_header);
}

/// What is wrong with the 101 with these headers more; empty: nothing.
std::string complaint_of(const ws::Dialer& dialer, const std::string& more,
                         DialAgreement* agreement = nullptr) {
  const DialPlan plan = plan_for("ws://a", dialer);
  const std::string answer = tests::accepting(plan.request, more);
  protocol::ResponseHeadParser parser;
  std::string_view left = answer;
  EXPECT_EQ(parser.receive(left), protocol::ResponseHeadParser::State::complete);
  DialAgreement agreed;
  const auto complaint = check_dial_answer(plan, parser.head(), agreed);
  if (agreement != nullptr) *agreement = agreed;
  return complaint.value_or("");
}

TEST(DialPlan, TakesWhatFitsTheOffer) {
  DialAgreement agreement;
  EXPECT_EQ(complaint_of({}, "", &agreement), "");
  EXPECT_EQ(agreement.subprotocol, "");
  EXPECT_FALSE(agreement.deflate);
  EXPECT_EQ(complaint_of({.subprotocols = {"a", "b"}},
                         "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: "
                         "permessage-deflate; server_no_context_takeover\r\n",
                         &agreement),
            "");
  EXPECT_EQ(agreement.subprotocol, "b");
  ASSERT_TRUE(agreement.deflate);
  EXPECT_TRUE(agreement.deflate->client_no_context_takeover);
}

TEST(DialPlan, RejectsWhatDoesNotFitTheOffer) {
  EXPECT_NE(complaint_of({.subprotocols = {"a"}}, "Sec-WebSocket-Protocol: b\r\n"), "");
  EXPECT_NE(complaint_of({}, "Sec-WebSocket-Protocol: b\r\n"), "");
  EXPECT_NE(complaint_of({}, "Sec-WebSocket-Extensions: x-other\r\n"), "");
  // It would keep context, which was not offered.
  EXPECT_NE(complaint_of({}, "Sec-WebSocket-Extensions: permessage-deflate\r\n"), "");
  EXPECT_NE(complaint_of({.compression = false},
                         "Sec-WebSocket-Extensions: permessage-deflate; "
                         "server_no_context_takeover\r\n"),
            "");
  // zlib has no window of 256 bytes to deflate with.
  EXPECT_NE(complaint_of({},
                         "Sec-WebSocket-Extensions: permessage-deflate; "
                         "server_no_context_takeover; client_max_window_bits=8\r\n"),
            "");
}

}  // namespace
}  // namespace mod_ws::handler
