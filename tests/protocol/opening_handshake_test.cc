#include "mod_ws/protocol/opening_handshake.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "mod_ws/protocol/frame_header.h"

namespace mod_ws::protocol {
namespace {

HandshakeRequest good_request() {
  return {.method = "GET",
          .upgrade = "websocket",
          .connection = "Upgrade",
          .key = "dGhlIHNhbXBsZSBub25jZQ==",
          .version = "13"};
}

/// The status of the refusal, 0 for none.
int status_after(const std::function<void(HandshakeRequest&)>& change) {
  HandshakeRequest request = good_request();
  change(request);
  const auto refusal = check_request(request);
  if (refusal) {
    EXPECT_STRNE(refusal->reason, "");
  }
  return refusal ? refusal->status : 0;
}

constexpr HandshakeOffer offer{.accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                               .subprotocols = "chat, superchat",
                               .extensions = "permessage-deflate; client_max_window_bits, x-other"};

HandshakeResponse good_response() {
  HandshakeResponse response;
  response.status = 101;
  response.upgrade = "websocket";
  response.connection = "Upgrade";
  response.accept = offer.accept;
  return response;
}

/// What is wrong with the response, empty for nothing.
std::string complaint_after(const std::function<void(HandshakeResponse&)>& change) {
  HandshakeResponse response = good_response();
  change(response);
  return check_response(response, offer).value_or("");
}

TEST(OpeningHandshake, KnowsRequestsThatMeanIt) {
  EXPECT_TRUE(asks_for_websocket(good_request()));
  HandshakeRequest by_upgrade;
  by_upgrade.upgrade = "h2c, WebSocket";
  EXPECT_TRUE(asks_for_websocket(by_upgrade));
  HandshakeRequest by_key;
  by_key.key = "anything";
  EXPECT_TRUE(asks_for_websocket(by_key));
  HandshakeRequest other;
  other.method = "GET";
  EXPECT_FALSE(asks_for_websocket(other));
  other.upgrade = "h2c";
  other.connection = "Upgrade";
  EXPECT_FALSE(asks_for_websocket(other));
}

TEST(OpeningHandshake, AcceptsTheRequestOfTheRfc) {
  EXPECT_EQ(status_after([](auto&) {}), 0);
  EXPECT_EQ(status_after([](auto& request) { request.upgrade = "WEBSOCKET"; }), 0);
  EXPECT_EQ(status_after([](auto& request) { request.upgrade = "h2c , websocket"; }), 0);
  EXPECT_EQ(status_after([](auto& request) { request.connection = "keep-alive, upgrade"; }), 0);
}

TEST(OpeningHandshake, RefusesOtherMethodsWith405) {
  for (const std::string_view method : {"POST", "HEAD", "CONNECT", "get", ""}) {
    EXPECT_EQ(status_after([&](auto& request) { request.method = method; }), 405) << method;
  }
}

TEST(OpeningHandshake, RefusesHttp1_0With400) {
  EXPECT_EQ(status_after([](auto& request) { request.is_http_1_1 = false; }), 400);
}

TEST(OpeningHandshake, RefusesAMissingUpgradeWith426) {
  for (const std::string_view upgrade : {"", "h2c", "websockets", "web socket"}) {
    EXPECT_EQ(status_after([&](auto& request) { request.upgrade = upgrade; }), 426) << upgrade;
  }
}

TEST(OpeningHandshake, RefusesAConnectionWithoutUpgradeWith400) {
  for (const std::string_view connection : {"", "keep-alive", "upgraded", "close"}) {
    EXPECT_EQ(status_after([&](auto& request) { request.connection = connection; }), 400);
  }
}

TEST(OpeningHandshake, RefusesAMissingVersionWith400) {
  EXPECT_EQ(status_after([](auto& request) { request.version = {}; }), 400);
}

TEST(OpeningHandshake, RefusesOtherVersionsWith426) {
  for (const std::string_view version : {"8", "7", "14", "013", "13, 8", "1", "xx"}) {
    EXPECT_EQ(status_after([&](auto& request) { request.version = version; }), 426) << version;
  }
}

TEST(OpeningHandshake, RefusesBadKeysWith400) {
  for (const std::string_view key :
       {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbXBsZSBub25jZQA=", "dGhlIHNhbXBsZSBub25j=Q==",
        "dGhlIHNhbXBsZSBub25j-Q==", "dGhlIHNhbXBsZSBub25j Q==", "==", "AAAAAAAAAAAAAAAAAAAAAAAA",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="}) {
    EXPECT_EQ(status_after([&](auto& request) { request.key = key; }), 400) << key;
  }
  EXPECT_EQ(status_after([](auto& request) { request.key = "+/+/+/+/+/+/+/+/+/+/+A=="; }), 0);
}

TEST(OpeningHandshake, RefusesABodyWith400) {
  EXPECT_EQ(status_after([](auto& request) { request.has_body = true; }), 400);
}

TEST(OpeningHandshake, ChoosesWhatTheServerPrefers) {
  const std::vector<std::string> supported{"v3", "v2", "v1"};
  EXPECT_EQ(choose_subprotocol("v1, v2", supported), "v2");
  EXPECT_EQ(choose_subprotocol("v2,v1,v3", supported), "v3");
  EXPECT_EQ(choose_subprotocol("v9", supported), "");
  EXPECT_EQ(choose_subprotocol("", supported), "");
  EXPECT_EQ(choose_subprotocol("V1", supported), "");
  EXPECT_EQ(choose_subprotocol("v1", {}), "");
}

TEST(OpeningHandshake, AcceptsTheResponseOfTheRfc) {
  EXPECT_EQ(complaint_after([](auto&) {}), "");
  EXPECT_EQ(complaint_after([](auto& response) {
              response.upgrade = "WebSocket";
              response.connection = "keep-alive, upgrade";
              response.subprotocol = "superchat";
              response.extensions = "permessage-deflate; server_no_context_takeover";
            }),
            "");
}

TEST(OpeningHandshake, ComplainsAboutTheStatus) {
  EXPECT_EQ(complaint_after([](auto& response) { response.status = 200; }),
            "status 200 instead of 101");
  EXPECT_EQ(complaint_after([](auto& response) { response.status = 403; }),
            "status 403 instead of 101");
}

TEST(OpeningHandshake, ComplainsAboutUpgradeAndConnection) {
  for (const std::string_view upgrade : {"", "h2c", "websocket, h2c"}) {
    EXPECT_EQ(complaint_after([&](auto& response) { response.upgrade = upgrade; }),
              "101 without \"Upgrade: websocket\"");
  }
  for (const std::string_view connection : {"", "close"}) {
    EXPECT_EQ(complaint_after([&](auto& response) { response.connection = connection; }),
              "101 without \"Connection: Upgrade\"");
  }
}

TEST(OpeningHandshake, ComplainsAboutAWrongAccept) {
  for (const std::string_view accept :
       {"", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"}) {
    EXPECT_EQ(complaint_after([&](auto& response) { response.accept = accept; }),
              "101 with a wrong Sec-WebSocket-Accept");
  }
}

TEST(OpeningHandshake, ComplainsAboutSubprotocolsNobodyOffered) {
  for (const std::string_view subprotocol : {"other", "Chat", "chat, superchat"}) {
    EXPECT_EQ(complaint_after([&](auto& response) { response.subprotocol = subprotocol; }),
              "101 with a subprotocol nobody offered");
  }
}

TEST(OpeningHandshake, ComplainsAboutExtensionsNobodyOffered) {
  for (const std::string_view extensions : {"x-third", "permessage-deflate, x-third; a=b"}) {
    EXPECT_EQ(complaint_after([&](auto& response) { response.extensions = extensions; }),
              "101 with an extension nobody offered");
  }
  EXPECT_EQ(complaint_after([](auto& response) { response.extensions = "X-Other"; }), "");
}

TEST(OpeningHandshake, KnowsTheReservedBitsOfExtensions) {
  EXPECT_EQ(rsv_bits_of(""), 0);
  EXPECT_EQ(rsv_bits_of("permessage-deflate"), rsv1_bit);
  EXPECT_EQ(rsv_bits_of("Permessage-Deflate ; client_max_window_bits=10"), rsv1_bit);
  EXPECT_EQ(rsv_bits_of("x-unknown"), all_rsv_bits);
  EXPECT_EQ(rsv_bits_of("permessage-deflate, x-unknown"), all_rsv_bits);
}

}  // namespace
}  // namespace mod_ws::protocol
