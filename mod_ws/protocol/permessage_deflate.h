#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mod_ws::protocol {

/// How hard to compress; zlib's own terms.
struct DeflateEffort {
  int level = 1;         ///< 1 to 9.
  int memory_level = 8;  ///< 1 to 9.

  bool operator==(const DeflateEffort&) const = default;
};

struct DeflateStreamEnd {
  void operator()(z_stream* stream) const;
};
struct InflateStreamEnd {
  void operator()(z_stream* stream) const;
};
using DeflateStream = std::unique_ptr<z_stream, DeflateStreamEnd>;
using InflateStream = std::unique_ptr<z_stream, InflateStreamEnd>;

/// zlib streams that no message needs at the moment. A stream is large (deflate: up to 268 KiB,
/// inflate: up to 44 KiB) and a message is short, so sessions without context takeover share a few.
/// One a loop; used on its thread.
class ZlibPool {
 public:
  /// A fresh stream; null when there is no memory.
  DeflateStream take_deflate(int window_bits, const DeflateEffort& effort);
  InflateStream take_inflate();

  /// Needs no memory: destructors call it. What was taken has its place.
  void put_back(DeflateStream stream, int window_bits, const DeflateEffort& effort);
  void put_back(InflateStream stream);

  /// Streams of both kinds that wait to be taken.
  std::size_t idle_count() const { return idle_deflate_.size() + idle_inflate_.size(); }

 private:
  struct IdleDeflate {
    DeflateStream stream;
    int window_bits;
    DeflateEffort effort;
  };
  std::vector<IdleDeflate> idle_deflate_;
  std::vector<InflateStream> idle_inflate_;
};

/// The receiving direction of one session (RFC 7692 7.2.2). Holds zlib state while a message is
/// open, and between messages with context takeover. The window is the largest, whatever was
/// agreed: with a smaller one, zlib would let some distances beyond it through and others not,
/// depending on how the bytes arrive.
class Inflater {
 public:
  Inflater(ZlibPool& pool, bool context_takeover)
      : pool_(pool), context_takeover_(context_takeover) {}
  ~Inflater();

  enum class Result : std::uint8_t {
    output,     ///< Some bytes came out; call inflate_some() again.
    finished,   ///< Nothing more comes out of what was given.
    corrupt,    ///< This is no DEFLATE data, or it ends inside a block: close 1007.
    no_memory,  ///< The rest is lost: close 1013.
  };

  /// Gives the next stretch of a message's payload, unmasked; it must stay where it is until
  /// inflate_some() has finished.
  void give(std::span<const std::uint8_t> payload, bool ends_message);

  /// Copies what has not been inflated yet to `kept`, and goes on from there.
  void keep_input(std::vector<std::uint8_t>& kept);

  /// Bytes that have been inflated, and what they came to.
  struct Count {
    std::uint64_t compressed = 0;
    std::uint64_t plain = 0;
  };
  /// Since the last call.
  Count take_count() { return std::exchange(count_, {}); }

  /// Inflates into `space`; `output` is what came out.
  Result inflate_some(std::span<std::uint8_t> space, std::span<std::uint8_t>& output);

 private:
  Result step(std::span<std::uint8_t> space, std::span<std::uint8_t>& output);
  Result end_message(Result tail_result);

  ZlibPool& pool_;
  InflateStream stream_;
  std::span<const std::uint8_t> input_;
  Count count_;
  bool context_takeover_;
  bool ends_message_ = false;
  bool tail_given_ = false;
  bool at_block_border_ = false;
};

/// The sending direction of one session (RFC 7692 7.2.1).
class Deflater {
 public:
  Deflater(ZlibPool& pool, int window_bits, bool context_takeover, const DeflateEffort& effort)
      : pool_(pool),
        effort_(effort),
        window_bits_(window_bits),
        context_takeover_(context_takeover),
        next_level_(effort.level) {}
  ~Deflater();

  /// 1 to 9, from the next message on.
  void set_level(int level) { next_level_ = level; }

  /// Appends the compressed form of a message to `out`, or of the next part of one: then `out` may
  /// get nothing until the message ends. False when there is no memory, which only a message's
  /// first part can meet: it has to go uncompressed, which is always allowed, and `out` is as it
  /// was.
  bool deflate(std::span<const std::uint8_t> part, bool ends_message,
               std::vector<std::uint8_t>& out);

 private:
  ZlibPool& pool_;
  DeflateStream stream_;
  DeflateEffort effort_;
  int window_bits_;
  bool context_takeover_;
  bool mid_message_ = false;
  int next_level_;

  void apply_level();
};

}  // namespace mod_ws::protocol
