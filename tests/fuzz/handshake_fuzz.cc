/// Opening handshake, both roles, and WebSocketOrigin: one header a line.

#include <cstdlib>

#include "mod_ws/protocol/extension_list.h"
#include "mod_ws/protocol/header_list.h"
#include "mod_ws/protocol/opening_handshake.h"
#include "mod_ws/protocol/origin.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mod_ws::protocol;
  mod_ws::fuzz::FuzzInput input(data, size);
  const std::uint8_t choices = input.byte();
  const std::string method = input.line();
  const std::string upgrade = input.line();
  const std::string connection = input.line();
  const std::string key = input.line();
  const std::string version = input.line();
  const std::string subprotocols = input.line();
  const std::string extensions = input.line();
  const std::string origin = input.line();
  const std::string host = input.line();

  const HandshakeRequest request{.method = method,
                                 .is_http_1_1 = (choices & 1) != 0,
                                 .has_body = (choices & 2) != 0,
                                 .upgrade = upgrade,
                                 .connection = connection,
                                 .key = key,
                                 .version = version,
                                 .extensions = extensions};
  const auto refusal = check_request(request);
  if (!refusal && !asks_for_websocket(request)) std::abort();
  if (!refusal && !parse_extension_list(extensions)) std::abort();
  if (refusal && refusal->status != 400 && refusal->status != 405 && refusal->status != 426)
    std::abort();

  const std::vector<std::string> supported{"chat.v2", host};
  const auto chosen = choose_subprotocol(subprotocols, supported);
  if (!chosen.empty() && subprotocols.find(chosen) == std::string::npos) std::abort();

  // What the two sides agree on is always among what was offered.
  const auto complaint =
      check_response({.status = 101,
                      .upgrade = upgrade,
                      .connection = connection,
                      .accept = key,
                      .subprotocol = host,
                      .extensions = extensions},
                     {.accept = key, .subprotocols = subprotocols, .extensions = origin});
  if (!complaint && !host.empty() && subprotocols.find(host) == std::string::npos) std::abort();
  rsv_bits_of(extensions);

  auto rules = OriginRules::same();
  if (!rules.allow(origin, host) && origin.empty()) std::abort();
  rules.add(host);
  rules.allow(origin, host);
  return 0;
}
