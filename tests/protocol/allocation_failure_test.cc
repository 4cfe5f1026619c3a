#include <gtest/gtest.h>

#include <string>

#include "mod_ws/protocol/message_stream.h"
#include "mod_ws/protocol/permessage_deflate.h"
#include "tests/support/bytes.h"
#include "tests/support/each_failure.h"
#include "tests/support/failing_zlib.h"

namespace mod_ws::protocol {
namespace {

using tests::Bytes;
using tests::bytes_of;
using tests::for_each_allocation_failing;

const std::string text = "Hello, hello, " + std::string(100'000, 'o') + "!";

Bytes deflated() {
  ZlibPool pool;
  Deflater deflater(pool, 15, false, {});
  Bytes out;
  EXPECT_TRUE(deflater.deflate(bytes_of(text), true, out));
  return out;
}

/// What a peer makes of it; the close code where that is none.
std::string received(MessageStream& stream, Bytes payload, std::size_t step) {
  FramePiece piece{};
  piece.opcode = Opcode::text;
  piece.fin = piece.starts_frame = piece.ends_frame = true;
  piece.rsv = rsv1_bit;
  piece.payload = payload;
  stream.give(piece);
  std::string out;
  Bytes space(step);
  std::span<std::uint8_t> output;
  while (true) {
    switch (stream.next(space, output)) {
      case MessageStream::Result::output:
        out.append(output.begin(), output.end());
        break;
      case MessageStream::Result::violation:
        return std::to_string(static_cast<int>(stream.violation().code));
      default:
        return out;
    }
  }
}

TEST(AllocationFailure, LetsAMessageGoUncompressedAndTheNextOneNot) {
  for (const bool keeps_context : {false, true}) {
    bool went_uncompressed = false;
    const Bytes plain = bytes_of(text);
    for_each_allocation_failing([&] {
      ZlibPool pool;
      Deflater deflater(pool, 15, keeps_context, {});
      Inflater inflater(pool, keeps_context);
      Bytes out{1, 2, 3};
      if (deflater.deflate(plain, true, out)) return;
      went_uncompressed = true;
      EXPECT_EQ(out, (Bytes{1, 2, 3}));
      out.clear();
      ASSERT_TRUE(deflater.deflate(plain, true, out));
      MessageStream stream({}, &inflater);
      EXPECT_EQ(received(stream, out, 1'000), text);
    });
    EXPECT_TRUE(went_uncompressed);
  }
}

TEST(AllocationFailure, EndsAMessageThatCannotBeInflatedWith1013) {
  const Bytes payload = deflated();
  for (const bool keeps_context : {false, true}) {
    for (const std::size_t step : {std::size_t{1'000}, 2 * text.size()}) {
      int refused = 0;
      for_each_allocation_failing([&] {
        ZlibPool pool;
        const auto receives = [&] {
          Inflater inflater(pool, keeps_context);
          MessageStream stream({}, &inflater);
          return received(stream, payload, step);
        };
        const std::string seen = receives();
        if (seen == text) return;
        EXPECT_EQ(seen, "1013");
        EXPECT_EQ(receives(), text) << "another session, with what this one has put back";
        ++refused;
      });
      EXPECT_EQ(refused, 2) << "the state of zlib, and its window";
    }
  }
}

}  // namespace
}  // namespace mod_ws::protocol
