#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <ostream>
#include <vector>

#include "mod_ws/protocol/frame_parser.h"
#include "tests/support/frames.h"
#include "tests/support/guarded_input.h"

namespace mod_ws::tests {

enum class Chunking { whole, halves, byte_by_byte };

/// One way to run a parser test: as which endpoint, and how the bytes arrive.
struct Way {
  protocol::Role role;
  Chunking chunking;

  protocol::Role peer() const { return protocol::peer_of(role); }
  FrameStart start(protocol::Opcode opcode, bool fin = true, std::uint8_t rsv = 0) const {
    return {.sender = peer(), .opcode = opcode, .fin = fin, .rsv = rsv};
  }
  std::size_t chunk_size(std::size_t total) const {
    if (chunking == Chunking::byte_by_byte) return 1;
    return chunking == Chunking::halves ? (total + 1) / 2 : total;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Way& way) {
  const char* const names[] = {"whole", "halves", "byte by byte"};
  return out << (way.role == protocol::Role::server ? "server, " : "client, ")
             << names[static_cast<int>(way.chunking)];
}

inline std::vector<Way> all_ways() {
  std::vector<Way> ways;
  for (const auto role : {protocol::Role::server, protocol::Role::client}) {
    for (const auto chunking : {Chunking::whole, Chunking::halves, Chunking::byte_by_byte}) {
      ways.push_back({role, chunking});
    }
  }
  return ways;
}

/// A frame put together again from its pieces, unmasked.
struct SeenFrame {
  protocol::Opcode opcode;
  bool fin;
  std::uint8_t rsv;
  Bytes payload;
  bool operator==(const SeenFrame&) const = default;
};

/// Feeds a parser as a connection does: what was not parsed stands before what arrives next, and
/// every input ends at a guard page.
class Parsing {
 public:
  using OnPiece = std::function<bool(protocol::FramePiece&)>;

  explicit Parsing(const Way& way, protocol::FrameRules rules = {})
      : way_(way), parser((rules.role = way.role, rules)) {}

  /// False once the parser has found a violation, or `on_piece` wants no more.
  bool feed(const Bytes& bytes, const OnPiece& on_piece = {}) {
    const std::size_t step = way_.chunk_size(bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      const auto end = std::min(bytes.size(), at + step);
      rest += Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(end));
      fed += end - at;
      if (!parse_rest(on_piece)) return false;
    }
    return true;
  }

  Way way_;
  protocol::FrameParser parser;
  Bytes rest;
  std::size_t fed = 0;  ///< Bytes given to the parser when feed() returned.
  std::vector<SeenFrame> frames;
  std::optional<protocol::Violation> violation;

 private:
  bool parse_rest(const OnPiece& on_piece) {
    using Result = protocol::FrameParser::Result;
    const GuardedInput guarded(rest);
    auto input = guarded.bytes();
    for (;;) {
      protocol::FramePiece piece;
      const auto before = input;
      const Result result = parser.next(input, piece);
      if (result == Result::violation) violation = parser.violation();
      if (result != Result::piece) break;
      check_spans(before, input, piece);
      if (on_piece && !on_piece(piece)) return false;
      if (!on_piece) see(piece);
    }
    rest.assign(input.begin(), input.end());
    EXPECT_LT(rest.size(), protocol::max_unparsed_bytes);
    return !violation;
  }

  static void check_spans(std::span<std::uint8_t> before, std::span<std::uint8_t> after,
                          const protocol::FramePiece& piece) {
    EXPECT_EQ(piece.raw.data(), before.data());
    EXPECT_EQ(piece.raw.data() + piece.raw.size(), after.data());
    EXPECT_EQ(piece.raw.size() + after.size(), before.size());
    EXPECT_EQ(piece.payload.data() + piece.payload.size(), after.data());
    EXPECT_EQ(piece.ends_frame, piece.payload_left == 0);
    if (!piece.starts_frame) {
      EXPECT_EQ(piece.payload.size(), piece.raw.size());
    }
  }

  void see(protocol::FramePiece& piece) {
    EXPECT_EQ(piece.masked, way_.role == protocol::Role::server);
    EXPECT_EQ(piece.starts_frame, !open_);
    piece.unmask();
    if (piece.starts_frame) frames.push_back({piece.opcode, piece.fin, piece.rsv, {}});
    SeenFrame& seen = frames.back();
    EXPECT_EQ(seen.opcode, piece.opcode);
    EXPECT_EQ(seen.fin, piece.fin);
    EXPECT_EQ(seen.rsv, piece.rsv);
    seen.payload.insert(seen.payload.end(), piece.payload.begin(), piece.payload.end());
    open_ = !piece.ends_frame;
    EXPECT_EQ(parser.mid_frame(), open_);
  }

  bool open_ = false;
};

}  // namespace mod_ws::tests
