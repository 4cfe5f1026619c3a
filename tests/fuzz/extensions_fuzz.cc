/// permessage-deflate negotiation: what a server accepts is within its settings, and a client
/// accepts what a server answers it.

#include <cstdlib>

#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/extension_list.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mod_ws::protocol;
  mod_ws::fuzz::FuzzInput input(data, size);
  const std::uint8_t choices = input.byte();
  const DeflateSettings server{.context_takeover = (choices & 1) != 0,
                               .window_bits = min_deflate_window_bits + (choices >> 1) % 7};
  const DeflateSettings client{.context_takeover = (choices & 16) != 0,
                               .window_bits = min_deflate_window_bits + (choices >> 5) % 7};
  const std::string header = input.line();
  parse_extension_list(header);
  check_deflate_answer(header, client);

  if (const auto agreed = accept_deflate_offer(header, server)) {
    if (agreed->server_max_window_bits > server.window_bits ||
        agreed->server_max_window_bits < min_deflate_window_bits) {
      std::abort();
    }
    if (!server.context_takeover && !agreed->server_no_context_takeover) std::abort();
    if (!parse_extension_list(serialize_deflate_answer(*agreed))) std::abort();
  }

  // Ours with ours, whatever the settings, behind whatever stands before it in the header.
  const auto own = accept_deflate_offer(serialize_deflate_offer(client), server);
  if (!own || !check_deflate_answer(serialize_deflate_answer(*own), client)) std::abort();
  return 0;
}
