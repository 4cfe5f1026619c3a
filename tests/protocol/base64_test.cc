#include "mod_ws/protocol/base64.h"

#include <gtest/gtest.h>

#include "tests/support/bytes.h"

namespace mod_ws::protocol {
namespace {

using tests::bytes_of;

constexpr auto standard = Base64Alphabet::standard;
constexpr auto url = Base64Alphabet::url;

TEST(Base64, EncodesAndDecodesTheExamplesOfTheRfc) {
  for (const auto& [plain, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(encode_base64(bytes_of(plain)), text);
    EXPECT_EQ(decode_base64(text, standard), plain);
    EXPECT_EQ(decode_base64(text, url), plain);
  }
}

TEST(Base64, EncodesAndDecodesEveryByte) {
  for (const std::size_t size : {256, 257, 258}) {
    const auto bytes = tests::pattern(size);
    const auto back = decode_base64(encode_base64(bytes), standard);
    ASSERT_TRUE(back);
    EXPECT_EQ(bytes_of(*back), bytes);
  }
}

TEST(Base64, HasTwoAlphabets) {
  EXPECT_EQ(decode_base64("+/+/", standard), "\xFB\xFF\xBF");
  EXPECT_EQ(decode_base64("-_-_", url), "\xFB\xFF\xBF");
  EXPECT_FALSE(decode_base64("+/+/", url));
  EXPECT_FALSE(decode_base64("-_-_", standard));
}

TEST(Base64, NeedsPaddingInTheStandardAlphabetOnly) {
  EXPECT_FALSE(decode_base64("Zg", standard));
  EXPECT_FALSE(decode_base64("Zm8", standard));
  EXPECT_EQ(decode_base64("Zg", url), "f");
  EXPECT_EQ(decode_base64("Zm8", url), "fo");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* const text : {"Z", "Z===", "Zg=", "Zg===", "=", "====", "Zm9v=", "Zg==Zg==",
                                 "Zm9 v", "Zm9v\n", "Zh==", "Zm9=", "Zm\xC3\xA9"}) {
    EXPECT_FALSE(decode_base64(text, standard)) << text;
    EXPECT_FALSE(decode_base64(text, url)) << text;
  }
}

TEST(Base64Decoder, TakesTextInParts) {
  const std::string text = encode_base64(tests::pattern(100));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Base64Decoder decoder(standard);
    std::vector<std::uint8_t> out;
    EXPECT_TRUE(decoder.decode(bytes_of(text.substr(0, cut)), out));
    EXPECT_TRUE(decoder.decode(bytes_of(text.substr(cut)), out));
    EXPECT_TRUE(decoder.finish());
    EXPECT_EQ(out, tests::pattern(100)) << cut;
  }
}

TEST(Base64Decoder, BeginsAnewAfterAnEnd) {
  Base64Decoder decoder(standard);
  std::vector<std::uint8_t> out;
  EXPECT_TRUE(decoder.decode(bytes_of("Zg"), out));
  EXPECT_FALSE(decoder.finish());
  EXPECT_TRUE(decoder.decode(bytes_of("Zg=="), out));
  EXPECT_TRUE(decoder.finish());
}

}  // namespace
}  // namespace mod_ws::protocol
