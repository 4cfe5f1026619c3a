#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "mod_ws/protocol/permessage_deflate.h"
#include "ws/runtime.h"

namespace mod_ws::connection {

/// One message as a server sends it to many clients: framed once, and compressed once for each of
/// the few ways that their sessions may have agreed on. Any thread.
class PreparedMessage final : public ws::detail::Prepared {
 public:
  using Bytes = std::span<const std::uint8_t>;

  PreparedMessage(ws::MessageType message_type, std::string_view message);

  /// A text that is no UTF-8 is not to be sent.
  bool is_valid() const { return is_valid_; }

  /// The frame that carries the message as it is.
  Bytes frame() const { return frame_; }

  /// The frame that carries it compressed for a window of this size, without a context. The one
  /// above where that is not worth it.
  Bytes compressed_frame(protocol::ZlibPool& pool, int window_bits,
                         const protocol::DeflateEffort& effort) const;

 private:
  struct Compressed {
    int window_bits;
    protocol::DeflateEffort effort;
    std::vector<std::uint8_t> frame;
  };

  bool is_valid_;
  std::vector<std::uint8_t> frame_;
  mutable std::mutex mutex_;
  mutable std::vector<Compressed> compressed_;  // reserved once: what it holds never moves
};

/// What a handler module's ws::PreparedMessage holds; only mod_ws makes them.
inline const PreparedMessage& prepared_message(const ws::detail::Prepared& prepared) {
  return static_cast<const PreparedMessage&>(prepared);
}

}  // namespace mod_ws::connection
