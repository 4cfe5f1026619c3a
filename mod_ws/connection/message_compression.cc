#include "mod_ws/connection/message_compression.h"

namespace mod_ws::connection {
namespace {

using Bytes = std::span<const std::uint8_t>;
using protocol::Role;

/// A loop's buffer for compressed messages. What a large one has made of it is not kept.
struct CompressedMessage {
  static constexpr std::size_t kept_bytes = 256 << 10;
  std::vector<std::uint8_t> bytes;

  void clear() {
    if (bytes.capacity() > kept_bytes) std::vector<std::uint8_t>().swap(bytes);
    bytes.clear();
  }
};

constexpr std::int64_t inflate_state_bytes =
    (10 << 10) + (1 << protocol::max_window_bits);  // zlib's own figure: 7 KiB, and the window

/// What was agreed on for the messages of one endpoint.
struct Direction {
  int window_bits;
  bool keeps_context;
};

Direction messages_of(Role sender, const protocol::DeflateParameters& agreed) {
  if (sender == Role::server)
    return {agreed.server_max_window_bits, !agreed.server_no_context_takeover};
  return {agreed.client_max_window_bits.value_or(protocol::max_window_bits),
          !agreed.client_no_context_takeover};
}

}  // namespace

MessageCompression::MessageCompression(engine::EventLoop& loop, const Compression& settings,
                                       Role role, CompressionTerms terms, metrics::Tally& tally)
    : loop_(loop),
      settings_(settings),
      tally_(tally),
      keeps_context_(messages_of(role, terms.agreed).keeps_context),
      window_bits_(messages_of(role, terms.agreed).window_bits),
      effort_(settings.effort),
      reservation_(std::move(terms.reservation)),
      inflater_(loop.local<protocol::ZlibPool>(),
                messages_of(peer_of(role), terms.agreed).keeps_context),
      deflater_(loop.local<protocol::ZlibPool>(), window_bits_, keeps_context_, settings.effort) {}

void MessageCompression::count_inflated() {
  const auto [compressed, plain] = inflater_.take_count();
  tally_.inflated.compressed_bytes.add(compressed);
  tally_.inflated.plain_bytes.add(plain);
}

void MessageCompression::set_level(int level) {
  effort_.level = level;
  deflater_.set_level(level);
}

std::optional<Bytes> MessageCompression::compress(Bytes message) {
  if (message.size() < settings_.min_size_bytes) return std::nullopt;
  const auto bytes = compress_part(message, true);
  // With a context that goes on, what has been deflated must be sent: the peer's window would lack
  // it.
  if (bytes && !keeps_context_ && bytes->size() >= message.size()) return std::nullopt;
  return bytes;
}

std::optional<Bytes> MessageCompression::shared_frame(const PreparedMessage& message) {
  if (keeps_context_) return std::nullopt;
  if (message.payload.size() < settings_.min_size_bytes) return message.frame();
  return message.compressed_frame(loop_.local<protocol::ZlibPool>(), window_bits_, effort_);
}

std::optional<Bytes> MessageCompression::compress_part(Bytes part, bool ends_message) {
  auto& buffer = loop_.local<CompressedMessage>();
  buffer.clear();
  if (!deflater_.deflate(part, ends_message, buffer.bytes)) return std::nullopt;
  tally_.deflated.plain_bytes.add(part.size());
  tally_.deflated.compressed_bytes.add(buffer.bytes.size());
  return buffer.bytes;
}

std::int64_t kept_state_bytes(const protocol::DeflateParameters& agreed, Role role,
                              const protocol::DeflateEffort& effort) {
  std::int64_t bytes = 0;
  // zconf.h: what deflate and inflate take.
  if (const auto sent = messages_of(role, agreed); sent.keeps_context) {
    bytes += (std::int64_t{1} << (sent.window_bits + 2)) +
             (std::int64_t{1} << (effort.memory_level + 9));
  }
  if (messages_of(peer_of(role), agreed).keeps_context) bytes += inflate_state_bytes;
  return bytes;
}

}  // namespace mod_ws::connection
