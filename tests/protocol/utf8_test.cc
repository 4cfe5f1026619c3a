#include "mod_ws/protocol/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/bytes.h"
#include "tests/support/guarded_input.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;
using tests::operator+;
using tests::bytes_of;

/// Decodes by the bit patterns alone and then asks whether the number may be there and needed so
/// many bytes: another way than the sources' to the same answer.
bool reference_is_utf8(const Bytes& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const unsigned lead = bytes[at];
    const std::size_t size = lead < 0x80             ? 1
                             : (lead & 0xE0) == 0xC0 ? 2
                             : (lead & 0xF0) == 0xE0 ? 3
                             : (lead & 0xF8) == 0xF0 ? 4
                                                     : 0;
    if (size == 0 || at + size > bytes.size()) return false;
    std::uint32_t code = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
      if ((bytes[at + i] & 0xC0) != 0x80) return false;
      code = code << 6 | (bytes[at + i] & 0x3FU);
    }
    const std::uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < lowest[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    at += size;
  }
  return true;
}

bool whole(const Bytes& bytes) {
  const tests::GuardedInput input(bytes);
  return is_utf8(input.bytes());
}

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    constexpr auto* digits = "0123456789ABCDEF";
    ((text += digits[byte >> 4]) += digits[byte & 15]) += ' ';
  }
  return text;
}

/// The verdict whole, and cut in two at every place.
void expect_verdict(const Bytes& bytes, bool valid) {
  ASSERT_EQ(reference_is_utf8(bytes), valid) << "the test itself is wrong: " << hex(bytes);
  EXPECT_EQ(whole(bytes), valid) << hex(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Utf8Validator validator;
    const bool accepted = validator.receive(std::span(bytes).first(cut)) &&
                          validator.receive(std::span(bytes).subspan(cut)) &&
                          validator.is_complete();
    EXPECT_EQ(accepted, valid) << hex(bytes) << "cut at " << cut;
  }
}

TEST(Utf8, AcceptsTheBoundariesOfTable3_7) {
  for (const std::string_view text :
       {"", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE0\xBF\xBF", "\xE1\x80\x80",
        "\xEC\xBF\xBF", "\xED\x80\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF0\xBF\xBF\xBF", "\xF1\x80\x80\x80", "\xF3\xBF\xBF\xBF",
        "\xF4\x80\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    expect_verdict(bytes_of(text), true);
  }
  expect_verdict({0}, true);
}

TEST(Utf8, RejectsWhatLiesBesideTheBoundaries) {
  for (const std::string_view text : {"\x80",
                                      "\xBF",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2\x7F",
                                      "\xC2\xC0",
                                      "\xDF\xC0",
                                      "\xE0\x9F\xBF",
                                      "\xE0\xC0\x80",
                                      "\xE1\x7F\x80",
                                      "\xE1\x80\x7F",
                                      "\xE1\x80\xC0",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xEF\xC0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF0\xC0\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF4\x7F\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xF8\x88\x80\x80\x80",
                                      "\xFE",
                                      "\xFF"}) {
    expect_verdict(bytes_of(text), false);
  }
}

TEST(Utf8, RejectsOverlongForms) {
  for (const std::string_view text :
       {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF",
        "\xFC\x80\x80\x80\x80\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xE0\x80\x80",
        "\xF0\x80\x80\x80"}) {
    expect_verdict(bytes_of(text), false);
  }
}

TEST(Utf8, RejectsSurrogates) {
  for (const std::string_view text :
       {"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80",
        "\xED\xBE\x80", "\xED\xBF\xBF", "\xED\xA0\x80\xED\xB0\x80", "\xED\xAF\xBF\xED\xBF\xBF"}) {
    expect_verdict(bytes_of(text), false);
  }
}

TEST(Utf8, RejectsEveryTruncation) {
  for (const std::string_view text :
       {"\xC3\xA9", "\xE2\x82\xAC", "\xE0\xA0\x80", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    for (std::size_t size = 1; size < text.size(); ++size) {
      expect_verdict(bytes_of(text.substr(0, size)), false);
      expect_verdict(bytes_of(text.substr(0, size)) + bytes_of("a"), false);
      expect_verdict(bytes_of(text.substr(0, size)) + bytes_of(text), false);
    }
  }
}

TEST(Utf8, SeesTheFirstBadByteAtOnce) {
  Utf8Validator validator;
  const Bytes bytes = bytes_of("\xED\xA0");
  EXPECT_TRUE(validator.receive(std::span(bytes).first(1)));
  EXPECT_FALSE(validator.is_complete());
  EXPECT_FALSE(validator.receive(std::span(bytes).subspan(1)));
}

TEST(Utf8, SeesABadByteAnywhereInLongText) {
  for (std::size_t size = 0; size < 100; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      Bytes bytes(size, 'a');
      EXPECT_TRUE(whole(bytes));
      bytes[at] = 0x80;
      EXPECT_FALSE(whole(bytes)) << "byte " << at << " of " << size;
    }
  }
}

TEST(Utf8, AcceptsMixedTextAtEveryOffset) {
  const Bytes greek = bytes_of("\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5 and ascii after it");
  for (std::size_t before = 0; before < 70; ++before) {
    expect_verdict(Bytes(before, 'a') + greek, true);
    expect_verdict(Bytes(before, 'a') + greek + bytes_of("\xCE"), false);
  }
}

TEST(Utf8, AgreesWithTheReferenceOnAllShortTexts) {
  // A prefix that is refused is not gone into: no text that begins with it is valid.
  const auto verdict = [](const Utf8Validator& before, std::uint8_t byte) {
    Utf8Validator validator = before;
    const bool accepted = validator.receive({&byte, 1});
    return std::pair(accepted, validator);
  };
  for (int a = 0; a < 256; ++a) {
    const auto first = static_cast<std::uint8_t>(a);
    const auto [a_accepted, after_a] = verdict({}, first);
    ASSERT_EQ(a_accepted && after_a.is_complete(), reference_is_utf8({first}));
    for (int b = 0; b < 256; ++b) {
      const auto second = static_cast<std::uint8_t>(b);
      const auto [b_accepted, after_b] = verdict(after_a, second);
      const bool two = a_accepted && b_accepted;
      ASSERT_EQ(two && after_b.is_complete(), reference_is_utf8({first, second})) << a << ' ' << b;
      for (int c = 0; two && c < 256; ++c) {
        const auto third = static_cast<std::uint8_t>(c);
        const auto [c_accepted, after_c] = verdict(after_b, third);
        if ((c_accepted && after_c.is_complete()) != reference_is_utf8({first, second, third}))
          FAIL() << hex({first, second, third});
      }
      if (!two) {
        ASSERT_FALSE(reference_is_utf8({first, second, 0x80})) << a << ' ' << b;
      }
    }
  }
}

TEST(Utf8, IsAsNewAfterReset) {
  for (const std::string_view open : {"\xE0", "\xED", "\xF0", "\xF4", "\xF0\x9F"}) {
    for (const std::string_view text : {"\xC3\x80", "\xC3\xBF", "\xE2\x80\x80", "plain"}) {
      Utf8Validator validator;
      ASSERT_TRUE(validator.receive(bytes_of(open)));
      validator.reset();
      EXPECT_TRUE(validator.is_complete());
      EXPECT_TRUE(validator.receive(bytes_of(text))) << hex(bytes_of(open)) << hex(bytes_of(text));
    }
  }
}

}  // namespace
}  // namespace mod_ws::protocol
