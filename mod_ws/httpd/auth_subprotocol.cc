#include "mod_ws/httpd/auth_subprotocol.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/protocol/base64.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::httpd {
namespace {

constexpr const char* subprotocol_header = "Sec-WebSocket-Protocol";

// Written while the configuration is read, only read after that.
std::vector<std::string> known_prefixes;

/// An offer, sorted by whether its elements have a prefix.
struct Offer {
  std::vector<std::string_view> secret;
  std::string others;  ///< Joined with commas.
};

template <class IsSecret>
Offer sort_offer(std::string_view header, IsSecret is_secret) {
  Offer offer;
  for (const std::string_view element : protocol::list_elements(header)) {
    if (is_secret(element)) {
      offer.secret.push_back(element);
    } else {
      offer.others.append(offer.others.empty() ? "" : ", ").append(element);
    }
  }
  return offer;
}

bool has_known_prefix(std::string_view element) {
  return std::any_of(known_prefixes.begin(), known_prefixes.end(),
                     [&](const std::string& prefix) { return element.starts_with(prefix); });
}

void set_offer(request_rec* r, const std::string& offer) {
  if (offer.empty()) {
    apr_table_unset(r->headers_in, subprotocol_header);
  } else {
    apr_table_set(r->headers_in, subprotocol_header, offer.c_str());
  }
}

/// httpd's own trace lines show a request's headers before its section is known.
int hide_tokens(request_rec* r) {
  if (known_prefixes.empty() || !asks_for_websocket(r)) return DECLINED;
  return fenced(r, [r]() -> int {
    const char* const header = apr_table_get(r->headers_in, subprotocol_header);
    const Offer offer = sort_offer(view_of(header), has_known_prefix);
    if (offer.secret.empty()) return DECLINED;
    request_state(r).offered_subprotocols = apr_pstrdup(r->pool, header);
    set_offer(r, offer.others);
    return DECLINED;
  });
}

/// The token, if it can stand in a header as it is: visible characters only.
std::optional<std::string> decode_token(std::string_view text) {
  if (text.ends_with('=')) return std::nullopt;  // RFC 7515 2: without padding; and it is no token
  auto token = protocol::decode_base64(text, protocol::Base64Alphabet::url);
  if (!token || token->empty()) return std::nullopt;
  const bool is_visible =
      std::all_of(token->begin(), token->end(), [](char c) { return c > ' ' && c < 0x7f; });
  return is_visible ? std::move(token) : std::nullopt;
}

int refuse(request_rec* r, std::string_view prefix, const char* complaint) {
  ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                "opening handshake refused with 400: %s offered with the prefix %s "
                "(WebSocketAuthSubprotocol)",
                complaint, pool_string(r->pool, prefix));
  return HTTP_BAD_REQUEST;
}

int use_token(request_rec* r, std::string_view offered, std::string_view prefix) {
  const Offer offer = sort_offer(
      offered, [prefix](std::string_view element) { return element.starts_with(prefix); });
  set_offer(r, offer.others);
  if (offer.secret.empty()) return DECLINED;
  if (offer.secret.size() > 1) return refuse(r, prefix, "more than one token is");
  const auto token = decode_token(offer.secret.front().substr(prefix.size()));
  if (!token) return refuse(r, prefix, "no base64url of visible characters is");
  // One that the browser has attached by itself says less.
  apr_table_set(r->headers_in, "Authorization", ("Bearer " + *token).c_str());
  return DECLINED;
}

/// The request's section is known, and authentication is still to come.
int handle_offer(request_rec* r) {
  if (known_prefixes.empty() || !asks_for_websocket(r)) return DECLINED;
  const char* const offered = std::exchange(request_state(r).offered_subprotocols, nullptr);
  if (offered == nullptr) return DECLINED;
  const std::string_view prefix = view_of(location_config(r).auth_subprotocol);
  if (!prefix.empty()) return fenced(r, [&] { return use_token(r, offered, prefix); });
  // Some other section's prefix: nothing special here.
  apr_table_setn(r->headers_in, subprotocol_header, offered);
  return DECLINED;
}

int forget_prefixes(apr_pool_t*, apr_pool_t*, apr_pool_t*) {
  known_prefixes.clear();
  return OK;
}

}  // namespace

void note_auth_subprotocol(const char* prefix) { known_prefixes.emplace_back(prefix); }

void register_auth_subprotocol() {
  static const char* const writes_headers_to_a_log[] = {"mod_log_forensic.c", nullptr};
  ap_hook_pre_config(forget_prefixes, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_post_read_request(hide_tokens, nullptr, writes_headers_to_a_log, APR_HOOK_REALLY_FIRST);
  ap_hook_header_parser(handle_offer, nullptr, nullptr, APR_HOOK_REALLY_FIRST);
}

}  // namespace mod_ws::httpd
