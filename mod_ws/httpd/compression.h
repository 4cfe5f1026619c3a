#pragma once

#include <optional>

#include "mod_ws/connection/message_compression.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// Registers what reads WebSocketCompressionMemory.
void register_compression();

/// Takes from WebSocketCompressionMemory, which all children share; empty when it is used up.
base::SessionLedger::Place reserve_compression_memory(std::int64_t bytes);

/// What to agree on with the client of `r`, by the location's settings and by what is left of
/// WebSocketCompressionMemory: when that is used up, without context takeover. Nothing when the
/// client offers nothing that fits.
std::optional<connection::CompressionTerms> negotiate_compression(
    const request_rec* r, const connection::Compression& settings);

}  // namespace mod_ws::httpd
