#include "mod_ws/protocol/deflate_negotiation.h"

#include <gtest/gtest.h>

namespace mod_ws::protocol {
namespace {

/// The server's answer to an offer; "declined" when there is none.
std::string answer(std::string_view offer, const DeflateSettings& settings = {}) {
  const auto agreed = accept_deflate_offer(offer, settings);
  return agreed ? serialize_deflate_answer(*agreed) : "declined";
}

constexpr DeflateSettings no_context{.context_takeover = false, .window_bits = 15};
constexpr DeflateSettings small_window{.context_takeover = true, .window_bits = 10};

TEST(DeflateNegotiation, AcceptsThePlainOffer) {
  EXPECT_EQ(answer("permessage-deflate"), "permessage-deflate");
  EXPECT_EQ(answer("Permessage-Deflate"), "permessage-deflate");
  EXPECT_EQ(answer(""), "declined");
  EXPECT_EQ(answer("x-webkit-deflate-frame"), "declined");
}

TEST(DeflateNegotiation, GrantsWhatTheOfferAsksFor) {
  EXPECT_EQ(answer("permessage-deflate; server_no_context_takeover"),
            "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(answer("permessage-deflate; client_no_context_takeover"),
            "permessage-deflate; client_no_context_takeover");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=10"),
            "permessage-deflate; server_max_window_bits=10");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=\"9\""),
            "permessage-deflate; server_max_window_bits=9");
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits=8"),
            "permessage-deflate; client_max_window_bits=8");
}

TEST(DeflateNegotiation, NarrowsDownByItsSettings) {
  EXPECT_EQ(answer("permessage-deflate", no_context),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=12", small_window),
            "permessage-deflate; server_max_window_bits=10");
}

// RFC 7692 7.1.2.1
TEST(DeflateNegotiation, NamesTheServersWindowWhereTheOfferDid) {
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=15"),
            "permessage-deflate; server_max_window_bits=15");
}

// RFC 7692 7.1.2.2
TEST(DeflateNegotiation, LimitsAClientOnlyIfItSaysThatItCanBeLimited) {
  EXPECT_EQ(answer("permessage-deflate", small_window),
            "permessage-deflate; server_max_window_bits=10");
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits", small_window),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10");
}

// zlib deflates with 512 bytes of window at least.
TEST(DeflateNegotiation, DeclinesAServerWindowOf256Bytes) {
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8"), "declined");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8, permessage-deflate"),
            "permessage-deflate");
}

TEST(DeflateNegotiation, TakesTheFirstOfferItCan) {
  EXPECT_EQ(answer("x-other, permessage-deflate; server_max_window_bits=9, permessage-deflate"),
            "permessage-deflate; server_max_window_bits=9");
  EXPECT_EQ(answer("permessage-deflate; unknown, permessage-deflate; client_no_context_takeover"),
            "permessage-deflate; client_no_context_takeover");
}

// RFC 7692 7.1
TEST(DeflateNegotiation, DeclinesInvalidParameters) {
  for (const char* const parameters :
       {"unknown", "server_no_context_takeover=1", "client_no_context_takeover=true",
        "server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16",
        "server_max_window_bits=010", "client_max_window_bits=7", "client_max_window_bits=16",
        "client_max_window_bits=1x", "client_max_window_bits=+9",
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=9",
        "server_max_window_bits=10; server_max_window_bits=10"}) {
    EXPECT_EQ(answer(std::string("permessage-deflate; ") + parameters), "declined") << parameters;
  }
}

TEST(DeflateNegotiation, ServerAnswersFitWhatTheClientOffered) {
  for (const DeflateSettings& client : {DeflateSettings{}, no_context, small_window}) {
    for (const DeflateSettings& server : {DeflateSettings{}, no_context, small_window}) {
      const auto agreed = accept_deflate_offer(serialize_deflate_offer(client), server);
      ASSERT_TRUE(agreed);
      EXPECT_EQ(
          check_deflate_answer(serialize_deflate_answer(*agreed), client)->server_max_window_bits,
          std::min(client.window_bits, server.window_bits));
    }
  }
}

TEST(DeflateNegotiation, ClientRefusesWhatItDidNotOffer) {
  for (const char* const header :
       {"", "x-other", "permessage-deflate, permessage-deflate", "permessage-deflate; unknown",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16"}) {
    EXPECT_FALSE(check_deflate_answer(header, {})) << header;
  }
  EXPECT_FALSE(check_deflate_answer("permessage-deflate", no_context));
  EXPECT_FALSE(check_deflate_answer("permessage-deflate; server_max_window_bits=11", small_window));
  EXPECT_TRUE(check_deflate_answer("permessage-deflate; client_max_window_bits=9", {}));
}

}  // namespace
}  // namespace mod_ws::protocol
