#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mod_ws/base/byte_budget.h"
#include "mod_ws/connection/policy.h"
#include "mod_ws/engine/event_loop.h"
#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/permessage_deflate.h"

namespace mod_ws::handler {

/// What was agreed on for one session, and what it may cost.
struct CompressionTerms {
  protocol::DeflateParameters agreed;
  std::optional<base::ByteBudget::Reservation>
      reservation;  ///< For the state kept with context takeover.
};

/// permessage-deflate of one server session, both directions.
class MessageCompression {
 public:
  /// On the loop's thread: zlib streams come from the loop's pool.
  MessageCompression(engine::EventLoop& loop, const connection::Compression& settings,
                     CompressionTerms terms);

  protocol::Inflater& inflater() { return inflater_; }

  /// The compressed form of a message, in a buffer of the loop's that is valid until the next call
  /// on this loop. Nothing when the message is to be sent as it is: too small, not worth it, or no
  /// memory.
  std::optional<std::span<const std::uint8_t>> compress(std::span<const std::uint8_t> message);

 private:
  engine::EventLoop& loop_;
  const connection::Compression& settings_;
  bool keeps_context_;  // of what we send
  std::optional<base::ByteBudget::Reservation> reservation_;
  protocol::Inflater inflater_;
  protocol::Deflater deflater_;
};

/// Bytes of zlib state that a session with these parameters keeps between its messages; 0 without
/// context takeover.
std::int64_t kept_state_bytes(const protocol::DeflateParameters& agreed,
                              const protocol::DeflateEffort& effort);

}  // namespace mod_ws::handler
