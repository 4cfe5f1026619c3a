#include "mod_ws/protocol/opening_handshake.h"

#include <algorithm>

#include "mod_ws/protocol/base64.h"
#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/extension_list.h"
#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

constexpr std::size_t key_bytes = 16;

/// RFC 6455 4.2.1, 5: base64 of 16 bytes.
bool is_key(std::string_view key) {
  const auto bytes = decode_base64(key, Base64Alphabet::standard);
  return bytes && bytes->size() == key_bytes;
}

bool offers_extension(const std::vector<Extension>& offered, std::string_view name) {
  return std::any_of(offered.begin(), offered.end(), [&](const Extension& extension) {
    return equals_ignoring_case(extension.name, name);
  });
}

bool offers_subprotocol(std::string_view offer, std::string_view name) {
  const auto elements = list_elements(offer);
  return std::find(elements.begin(), elements.end(), name) != elements.end();
}

}  // namespace

bool asks_for_websocket(const HandshakeRequest& request) {
  return list_has_token(request.upgrade, "websocket") || !request.key.empty();
}

std::optional<Refusal> check_request(const HandshakeRequest& request) {
  if (request.method != "GET") return Refusal{405, "the method is not GET"};
  if (!request.is_http_1_1) return Refusal{400, "the HTTP version is below 1.1"};
  if (!list_has_token(request.upgrade, "websocket")) {
    return Refusal{426, "Upgrade does not name websocket (does a proxy in front drop the header?)"};
  }
  if (!list_has_token(request.connection, "upgrade")) {
    return Refusal{400, "Connection does not name upgrade"};
  }
  if (request.version.empty()) return Refusal{400, "Sec-WebSocket-Version is missing"};
  if (request.version != websocket_version) return Refusal{426, "Sec-WebSocket-Version is not 13"};
  if (!is_key(request.key)) return Refusal{400, "Sec-WebSocket-Key is not base64 of 16 bytes"};
  // RFC 6455 9.1: what does not follow the grammar fails the handshake.
  if (!parse_extension_list(request.extensions))
    return Refusal{400, "Sec-WebSocket-Extensions is malformed"};
  if (request.has_body) return Refusal{400, "the request has a body"};
  return std::nullopt;
}

std::string_view choose_subprotocol(std::string_view offered,
                                    std::span<const std::string> supported) {
  for (const std::string& name : supported) {
    if (offers_subprotocol(offered, name)) return name;
  }
  return {};
}

std::optional<std::string> check_response(const HandshakeResponse& response,
                                          const HandshakeOffer& offer) {
  using namespace std::string_literals;
  if (response.status != 101)
    return "status " + std::to_string(response.status) + " instead of 101";
  if (!equals_ignoring_case(response.upgrade, "websocket"))
    return "101 without \"Upgrade: websocket\"";
  if (!list_has_token(response.connection, "upgrade")) return "101 without \"Connection: Upgrade\"";
  if (response.accept != offer.accept) return "101 with a wrong Sec-WebSocket-Accept";
  // RFC 6455 4.1: what is offered is a list of tokens, whatever a client has really sent.
  if (!response.subprotocol.empty() &&
      (!is_token(response.subprotocol) ||
       !offers_subprotocol(offer.subprotocols, response.subprotocol))) {
    return "101 with a subprotocol nobody offered"s;
  }
  const auto extensions = parse_extension_list(response.extensions);
  if (!extensions) return "101 with malformed Sec-WebSocket-Extensions"s;
  const auto offered = parse_extension_list(offer.extensions).value_or(std::vector<Extension>{});
  for (const Extension& extension : *extensions) {
    if (!offers_extension(offered, extension.name)) return "101 with an extension nobody offered"s;
  }
  if (!deflate_answer_fits(response.extensions, offer.extensions))
    return "101 with a permessage-deflate that does not fit the offer"s;
  return std::nullopt;
}

std::uint8_t rsv_bits_of(std::string_view extensions) {
  std::uint8_t bits = 0;
  const auto agreed = parse_extension_list(extensions).value_or(std::vector<Extension>{});
  for (const Extension& extension : agreed) {
    bits |= equals_ignoring_case(extension.name, permessage_deflate_name) ? rsv1_bit : all_rsv_bits;
  }
  return bits;
}

}  // namespace mod_ws::protocol
