#include "mod_ws/handler/message_compression.h"

namespace mod_ws::handler {
namespace {

/// A loop's buffer for compressed messages. What a large one has made of it is not kept.
struct CompressedMessage {
  static constexpr std::size_t kept_bytes = 256 << 10;
  std::vector<std::uint8_t> bytes;
};

constexpr std::int64_t inflate_overhead_bytes =
    10 << 10;  // zlib's own figure: 7 KiB and the window, with room

}  // namespace

MessageCompression::MessageCompression(engine::EventLoop& loop,
                                       const connection::Compression& settings,
                                       CompressionTerms terms)
    : loop_(loop),
      settings_(settings),
      keeps_context_(!terms.agreed.server_no_context_takeover),
      reservation_(std::move(terms.reservation)),
      inflater_(loop.local<protocol::ZlibPool>(),
                terms.agreed.client_max_window_bits.value_or(protocol::max_window_bits),
                !terms.agreed.client_no_context_takeover),
      deflater_(loop.local<protocol::ZlibPool>(), terms.agreed.server_max_window_bits,
                keeps_context_, settings.effort) {}

std::optional<std::span<const std::uint8_t>> MessageCompression::compress(
    std::span<const std::uint8_t> message) {
  if (message.size() < settings_.min_size_bytes) return std::nullopt;
  auto& bytes = loop_.local<CompressedMessage>().bytes;
  if (bytes.capacity() > CompressedMessage::kept_bytes) std::vector<std::uint8_t>().swap(bytes);
  bytes.clear();
  if (!deflater_.deflate(message, bytes)) return std::nullopt;
  // With a context that goes on, what has been deflated must be sent: the peer's window would lack
  // it.
  if (!keeps_context_ && bytes.size() >= message.size()) return std::nullopt;
  return bytes;
}

std::int64_t kept_state_bytes(const protocol::DeflateParameters& agreed,
                              const protocol::DeflateEffort& effort) {
  std::int64_t bytes = 0;
  // zconf.h: what deflate and inflate take.
  if (!agreed.server_no_context_takeover) {
    bytes += (std::int64_t{1} << (agreed.server_max_window_bits + 2)) +
             (std::int64_t{1} << (effort.memory_level + 9));
  }
  if (!agreed.client_no_context_takeover) {
    bytes +=
        (std::int64_t{1} << agreed.client_max_window_bits.value_or(protocol::max_window_bits)) +
        inflate_overhead_bytes;
  }
  return bytes;
}

}  // namespace mod_ws::handler
