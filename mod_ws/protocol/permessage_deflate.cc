#include "mod_ws/protocol/permessage_deflate.h"

#include <algorithm>
#include <array>
#include <limits>

#include "mod_ws/protocol/deflate_negotiation.h"

namespace mod_ws::protocol {
namespace {

constexpr std::size_t max_idle_streams = 8;  // of each kind

/// What a sender leaves out at a message's end, and a receiver puts back (RFC 7692 7.2.1, 7.2.2).
constexpr std::array<std::uint8_t, 4> message_tail{0x00, 0x00, 0xFF, 0xFF};

/// In z_stream::data_type after inflate(): the next bit begins a block. zlib forgets it in a call
/// that has nothing to do.
constexpr int zlib_block_border = 128;

/// zlib counts in 32 bits.
constexpr std::size_t max_zlib_bytes = std::numeric_limits<uInt>::max();

uInt zlib_size(std::size_t size) { return static_cast<uInt>(std::min(size, max_zlib_bytes)); }

/// zlib's interface is not const, its input is.
Bytef* zlib_input(std::span<const std::uint8_t> bytes) { return const_cast<Bytef*>(bytes.data()); }

}  // namespace

void DeflateStreamEnd::operator()(z_stream* stream) const {
  deflateEnd(stream);
  delete stream;
}

void InflateStreamEnd::operator()(z_stream* stream) const {
  inflateEnd(stream);
  delete stream;
}

// ---- the pool

DeflateStream ZlibPool::take_deflate(int window_bits, const DeflateEffort& effort) {
  const auto idle = std::find_if(idle_deflate_.begin(), idle_deflate_.end(), [&](const auto& it) {
    return it.window_bits == window_bits && it.effort == effort;
  });
  if (idle != idle_deflate_.end()) {
    DeflateStream stream = std::move(idle->stream);
    idle_deflate_.erase(idle);
    return stream;
  }
  idle_deflate_.reserve(max_idle_streams);
  auto fresh = std::make_unique<z_stream>();
  // Negative: raw DEFLATE, no zlib header (RFC 7692 7.2).
  if (deflateInit2(fresh.get(), effort.level, Z_DEFLATED, -window_bits, effort.memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return nullptr;
  }
  return DeflateStream(fresh.release());
}

InflateStream ZlibPool::take_inflate() {
  if (!idle_inflate_.empty()) {
    InflateStream stream = std::move(idle_inflate_.back());
    idle_inflate_.pop_back();
    return stream;
  }
  idle_inflate_.reserve(max_idle_streams);
  auto fresh = std::make_unique<z_stream>();
  if (inflateInit2(fresh.get(), -max_window_bits) != Z_OK) return nullptr;
  return InflateStream(fresh.release());
}

void ZlibPool::put_back(DeflateStream stream, int window_bits, const DeflateEffort& effort) {
  if (!stream || idle_deflate_.size() >= max_idle_streams || deflateReset(stream.get()) != Z_OK)
    return;
  idle_deflate_.push_back({std::move(stream), window_bits, effort});
}

void ZlibPool::put_back(InflateStream stream) {
  if (!stream || idle_inflate_.size() >= max_idle_streams || inflateReset(stream.get()) != Z_OK)
    return;
  idle_inflate_.push_back(std::move(stream));
}

// ---- receiving

Inflater::~Inflater() { pool_.put_back(std::move(stream_)); }

void Inflater::give(std::span<const std::uint8_t> payload, bool ends_message) {
  input_ = payload;
  ends_message_ = ends_message;
  tail_given_ = false;
}

void Inflater::keep_input(std::vector<std::uint8_t>& kept) {
  if (tail_given_) return;  // what is left is of the tail, and that stays where it is
  kept.assign(input_.begin(), input_.end());
  input_ = kept;
}

Inflater::Result Inflater::inflate_some(std::span<std::uint8_t> space,
                                        std::span<std::uint8_t>& output) {
  if (!stream_) stream_ = pool_.take_inflate();
  if (!stream_) return Result::no_memory;
  while (true) {
    const Result result = step(space, output);
    if (tail_given_) return end_message(result);
    if (result != Result::finished) return result;
    if (!ends_message_) return Result::finished;
    tail_given_ = true;
    input_ = message_tail;
  }
}

/// Inflates what input there is, up to a full `space`.
Inflater::Result Inflater::step(std::span<std::uint8_t> space, std::span<std::uint8_t>& output) {
  z_stream& stream = *stream_;
  stream.next_out = space.data();
  stream.avail_out = zlib_size(space.size());
  while (stream.avail_out > 0) {
    const uInt offered = zlib_size(input_.size());
    stream.next_in = zlib_input(input_);
    stream.avail_in = offered;
    const uInt space_before = stream.avail_out;
    const int status = inflate(&stream, Z_SYNC_FLUSH);
    input_ = input_.subspan(offered - stream.avail_in);
    count_.compressed += offered - stream.avail_in;
    const bool moved = stream.avail_in != offered || stream.avail_out != space_before;
    if (status == Z_STREAM_END) {
      // A block with BFINAL ends the stream for zlib, but not the message, nor the context (RFC
      // 7692 7.2.3.4).
      inflateResetKeep(&stream);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      // What came out before counts first, however the bytes were cut; zlib says it again.
      if (stream.avail_out < zlib_size(space.size())) break;
      // The window comes with the first bytes that need one.
      return status == Z_MEM_ERROR ? Result::no_memory : Result::corrupt;
    }
    if (!moved) break;
    at_block_border_ = (stream.data_type & zlib_block_border) != 0;
  }
  output = space.first(space.size() - stream.avail_out);
  count_.plain += output.size();
  return output.empty() ? Result::finished : Result::output;
}

/// The tail is the rest of an empty block: where it gives output or leaves a block open, the
/// message ended inside a block, and the next one would be misread.
Inflater::Result Inflater::end_message(Result tail_result) {
  if (tail_result == Result::no_memory) return tail_result;
  if (tail_result != Result::finished || !at_block_border_) return Result::corrupt;
  if (!context_takeover_) pool_.put_back(std::move(stream_));
  return Result::finished;
}

// ---- sending

/// Between two messages nothing is left to be flushed.
void Deflater::apply_level() {
  effort_.level = next_level_;
  if (stream_) deflateParams(stream_.get(), next_level_, Z_DEFAULT_STRATEGY);
}

Deflater::~Deflater() { pool_.put_back(std::move(stream_), window_bits_, effort_); }

bool Deflater::deflate(std::span<const std::uint8_t> part, bool ends_message,
                       std::vector<std::uint8_t>& out) {
  if (part.empty() && ends_message && !mid_message_) {
    out.push_back(0x00);  // RFC 7692 7.2.3.6: an empty block, less its tail
    return true;
  }
  if (!mid_message_ && next_level_ != effort_.level) apply_level();
  if (!stream_) stream_ = pool_.take_deflate(window_bits_, effort_);
  if (!stream_) return false;
  z_stream& stream = *stream_;
  stream.next_in = zlib_input(part);
  std::size_t left = part.size();
  do {
    const uInt offered = zlib_size(left);
    stream.avail_in = offered;
    const std::size_t end = out.size();
    out.resize(end + deflateBound(&stream, offered) + message_tail.size() + 1);
    stream.next_out = out.data() + end;
    stream.avail_out = zlib_size(out.size() - end);
    ::deflate(&stream, ends_message && left == offered ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    left -= offered - stream.avail_in;
    out.resize(out.size() - stream.avail_out);
  } while (left > 0 || stream.avail_out == 0);
  mid_message_ = !ends_message;
  if (!ends_message) return true;
  // The flush has ended with the tail, on a byte's border.
  out.resize(out.size() - message_tail.size());
  if (!context_takeover_) pool_.put_back(std::move(stream_), window_bits_, effort_);
  return true;
}

}  // namespace mod_ws::protocol
