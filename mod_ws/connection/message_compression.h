#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mod_ws/base/session_ledger.h"
#include "mod_ws/connection/policy.h"
#include "mod_ws/connection/prepared_message.h"
#include "mod_ws/engine/event_loop.h"
#include "mod_ws/metrics/tally.h"
#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/protocol/permessage_deflate.h"

namespace mod_ws::connection {

/// What was agreed on for one session, and what it may cost.
struct CompressionTerms {
  protocol::DeflateParameters agreed;
  base::SessionLedger::Place reservation = {};  ///< For the state kept with context takeover.
};

/// permessage-deflate of one connection, both directions.
class MessageCompression {
 public:
  /// `role` is ours. On the loop's thread: zlib streams come from the loop's pool, and `tally` is
  /// the loop's own.
  MessageCompression(engine::EventLoop& loop, const Compression& settings, protocol::Role role,
                     CompressionTerms terms, metrics::Tally& tally = metrics::uncounted());

  protocol::Inflater& inflater() { return inflater_; }

  /// Adds what has been inflated since the last time to the tally.
  void count_inflated();

  /// How hard messages are compressed from the next one on: 1 to 9.
  void set_level(int level);

  // Both give bytes in a buffer of the loop's that is valid until the next call on this loop.

  /// The compressed form of a message. Nothing when the message is to be sent as it is: too small,
  /// not worth it, or no memory.
  std::optional<std::span<const std::uint8_t>> compress(std::span<const std::uint8_t> message);

  /// The frame of a prepared message that sessions without context takeover share, if this one can.
  std::optional<std::span<const std::uint8_t>> shared_frame(const PreparedMessage& message);

  /// As compress(), for a message in parts. A part may give no bytes yet, and the last one always
  /// some. Nothing when there is no memory for the first part: then the message is to be sent as it
  /// is.
  std::optional<std::span<const std::uint8_t>> compress_part(std::span<const std::uint8_t> part,
                                                             bool ends_message);

 private:
  engine::EventLoop& loop_;
  const Compression& settings_;
  metrics::Tally& tally_;
  bool keeps_context_;  // of what we send
  int window_bits_;     // the same
  protocol::DeflateEffort effort_;
  base::SessionLedger::Place reservation_;
  protocol::Inflater inflater_;
  protocol::Deflater deflater_;
};

/// Bytes of zlib state that a connection with these parameters keeps between its messages; 0
/// without context takeover. `role` is ours.
std::int64_t kept_state_bytes(const protocol::DeflateParameters& agreed, protocol::Role role,
                              const protocol::DeflateEffort& effort);

}  // namespace mod_ws::connection
