#include "mod_ws/httpd/compression.h"

#include <sys/mman.h>

#include <cerrno>

#include "mod_ws/httpd/config.h"

namespace mod_ws::httpd {
namespace {

constexpr std::uint64_t default_memory_bytes = 64 << 20;
constexpr const char* counter_key = "mod_ws:compression memory in use";

base::ByteBudget::Counter* memory_in_use = nullptr;
std::int64_t memory_limit_bytes = default_memory_bytes;

/// One counter for all children of all generations: sessions of the last one may live on while the
/// next one starts.
int share_counter(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* server) {
  apr_pool_t* const process_pool = server->process->pool;
  void* memory = nullptr;
  apr_pool_userdata_get(&memory, counter_key, process_pool);
  if (memory == nullptr) {
    memory = ::mmap(nullptr, sizeof(base::ByteBudget::Counter), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      ap_log_error(APLOG_MARK, APLOG_EMERG, errno, server,
                   "no shared memory for the count of compression contexts");
      return HTTP_INTERNAL_SERVER_ERROR;
    }
    new (memory) base::ByteBudget::Counter(0);
    apr_pool_userdata_setn(memory, counter_key, apr_pool_cleanup_null, process_pool);
  }
  memory_in_use = static_cast<base::ByteBudget::Counter*>(memory);
  memory_limit_bytes = static_cast<std::int64_t>(
      server_config(server).compression_memory_bytes.value_or(default_memory_bytes));
  return OK;
}

}  // namespace

void register_compression() {
  ap_hook_post_config(share_counter, nullptr, nullptr, APR_HOOK_MIDDLE);
}

std::optional<base::ByteBudget::Reservation> reserve_compression_memory(std::int64_t bytes) {
  return base::ByteBudget(*memory_in_use, memory_limit_bytes).reserve(bytes);
}

std::optional<connection::CompressionTerms> negotiate_compression(
    const request_rec* r, const connection::Compression& settings) {
  if (settings.mode == connection::Compression::Mode::off) return std::nullopt;
  const std::string_view offer = header_in(r, "Sec-WebSocket-Extensions");
  auto agreed = protocol::accept_deflate_offer(offer, settings.settings);
  if (!agreed) return std::nullopt;
  const std::int64_t cost_bytes =
      connection::kept_state_bytes(*agreed, protocol::Role::server, settings.effort);
  if (cost_bytes == 0) return connection::CompressionTerms{*agreed, std::nullopt};
  auto reservation = reserve_compression_memory(cost_bytes);
  if (reservation) return connection::CompressionTerms{*agreed, std::move(reservation)};
  protocol::DeflateSettings without_context = settings.settings;
  without_context.context_takeover = false;
  agreed = protocol::accept_deflate_offer(offer, without_context);
  return connection::CompressionTerms{*agreed, std::nullopt};
}

}  // namespace mod_ws::httpd
