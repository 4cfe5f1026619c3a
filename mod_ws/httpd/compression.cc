#include "mod_ws/httpd/compression.h"

#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/ledger.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint64_t default_memory_bytes = 64 << 20;

std::int64_t memory_limit_bytes = default_memory_bytes;

int read_memory_limit(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* server) {
  memory_limit_bytes = static_cast<std::int64_t>(
      server_config(server).compression_memory_bytes.value_or(default_memory_bytes));
  return OK;
}

}  // namespace

void register_compression() {
  ap_hook_post_config(read_memory_limit, nullptr, nullptr, APR_HOOK_MIDDLE);
}

base::SessionLedger::Place reserve_compression_memory(std::int64_t bytes) {
  auto& ledger = session_ledger();
  const base::SessionLedger::Share share{.key = ledger.hash("bytes of compression contexts"),
                                         .amount = bytes,
                                         .limit = memory_limit_bytes};
  return ledger.take({&share, 1}).place;
}

std::optional<connection::CompressionTerms> negotiate_compression(
    const request_rec* r, const connection::Compression& settings) {
  if (settings.mode == connection::Compression::Mode::off) return std::nullopt;
  const std::string_view offer = header_in(r, "Sec-WebSocket-Extensions");
  auto agreed = protocol::accept_deflate_offer(offer, settings.settings);
  if (!agreed) return std::nullopt;
  const std::int64_t cost_bytes =
      connection::kept_state_bytes(*agreed, protocol::Role::server, settings.effort);
  if (cost_bytes == 0) return connection::CompressionTerms{*agreed, {}};
  auto reservation = reserve_compression_memory(cost_bytes);
  if (reservation) return connection::CompressionTerms{*agreed, std::move(reservation)};
  protocol::DeflateSettings without_context = settings.settings;
  without_context.context_takeover = false;
  agreed = protocol::accept_deflate_offer(offer, without_context);
  return connection::CompressionTerms{*agreed, {}};
}

}  // namespace mod_ws::httpd
