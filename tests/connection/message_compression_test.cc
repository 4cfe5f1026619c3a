#include "mod_ws/connection/message_compression.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mod_ws::connection {
namespace {

using protocol::DeflateParameters;

constexpr DeflateParameters no_context{.server_no_context_takeover = true,
                                       .client_no_context_takeover = true,
                                       .server_max_window_bits = 15,
                                       .names_server_window = false,
                                       .client_max_window_bits = std::nullopt};

class MessageCompressionTest : public testing::Test {
 protected:
  bool compresses(const DeflateParameters& agreed, const std::string& text) {
    return compressed_size(agreed, text) > 0;
  }

  /// 0 when it is to be sent as it is.
  std::size_t compressed_size(const DeflateParameters& agreed, const std::string& text) {
    MessageCompression compression(loop_, settings_, protocol::Role::server,
                                   {.agreed = agreed, .reservation = {}});
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    const auto compressed = compression.compress({bytes, text.size()});
    return compressed ? compressed->size() : 0;
  }

  engine::EventLoop loop_{engine::LoopOptions{}};
  connection::Compression settings_;
};

TEST_F(MessageCompressionTest, LeavesSmallMessagesAsTheyAre) {
  EXPECT_FALSE(compresses(no_context, std::string(settings_.min_size_bytes - 1, 'a')));
  EXPECT_TRUE(compresses(no_context, std::string(settings_.min_size_bytes, 'a')));
}

TEST_F(MessageCompressionTest, LeavesWhatDoesNotShrinkAsItIs) {
  std::string noise;
  std::uint32_t state = 1;
  for (int i = 0; i < 1000; ++i)
    noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  EXPECT_FALSE(compresses(no_context, noise));
  EXPECT_TRUE(compresses({}, noise));  // its context goes on, so the peer must see it
}

TEST_F(MessageCompressionTest, CompressesAsHardAsItIsTold) {
  std::string text;
  for (std::uint32_t state = 1; text.size() < 50'000; state = state * 1664525 + 1013904223)
    text += std::to_string(state >> 24) + " words, ";
  const auto size_with = [&](int level, int memory_level) {
    settings_.effort = {.level = level, .memory_level = memory_level};
    return compressed_size(no_context, text);
  };
  EXPECT_LT(size_with(9, 8), size_with(1, 8));
  EXPECT_LT(size_with(6, 9), size_with(6, 1));
}

TEST_F(MessageCompressionTest, HoldsNoStreamBetweenMessagesWithoutContext) {
  const auto& pool = loop_.local<protocol::ZlibPool>();
  MessageCompression without(loop_, settings_, protocol::Role::server,
                             {.agreed = no_context, .reservation = {}});
  MessageCompression with(loop_, settings_, protocol::Role::server,
                          {.agreed = {}, .reservation = {}});
  const std::vector<std::uint8_t> message(1000, 'a');
  ASSERT_TRUE(with.compress(message));
  EXPECT_EQ(pool.idle_count(), 0U);
  ASSERT_TRUE(without.compress(message));
  EXPECT_EQ(pool.idle_count(), 1U);
}

TEST(KeptStateBytes, CountsTheDirectionsThatKeepContext) {
  EXPECT_EQ(kept_state_bytes(no_context, protocol::Role::server, {}), 0);
  const auto both = kept_state_bytes({}, protocol::Role::server, {.level = 1, .memory_level = 8});
  EXPECT_GT(both, 256 << 10);  // what zconf.h says for deflate alone
  EXPECT_LT(both, 320 << 10);
  DeflateParameters receiving_only;
  receiving_only.server_no_context_takeover = true;
  EXPECT_LT(kept_state_bytes(receiving_only, protocol::Role::server, {}), 64 << 10);
}

}  // namespace
}  // namespace mod_ws::connection
