#include "mod_ws/httpd/relay_compression.h"

#include "mod_ws/protocol/opening_handshake.h"

namespace mod_ws::httpd {
namespace {

using connection::Compression;
using protocol::Role;

constexpr const char* extensions_header = "Sec-WebSocket-Extensions";

bool ends_at(const Compression& compression, Compression::Leg leg) {
  return compression.leg == leg || compression.leg == Compression::Leg::both;
}

}  // namespace

RelayCompression::RelayCompression(request_rec* r, const connection::Policy& policy)
    : r_(r),
      policy_(policy),
      client_offer_(apr_table_get(r->headers_in, extensions_header)),
      ends_here_(policy.compression.mode == Compression::Mode::on) {
  if (policy.compression.mode == Compression::Mode::off) offer_nothing();
  if (policy.compression.mode == Compression::Mode::pass && policy.validates_messages)
    offer_what_can_be_checked();
  if (ends_here_) compress_here();
}

RelayCompression::~RelayCompression() {
  if (client_offer_ != nullptr) {
    apr_table_setn(r_->headers_in, extensions_header, client_offer_);
  } else {
    offer_nothing();
  }
}

void RelayCompression::compress_here() {
  if (ends_at(policy_.compression, Compression::Leg::client)) {
    client_ = negotiate_compression(r_, policy_.compression);
    if (client_) answer_ = protocol::serialize_deflate_answer(client_->agreed);
  }
  offer_nothing();
  if (ends_at(policy_.compression, Compression::Leg::backend)) offer_own();
}

void RelayCompression::offer_nothing() { apr_table_unset(r_->headers_in, extensions_header); }

/// Of the extensions, permessage-deflate is the one that is understood here.
void RelayCompression::offer_what_can_be_checked() {
  const std::string offer = protocol::deflate_offers_of(view_of(client_offer_));
  offer_nothing();
  if (offer.empty()) return;
  // Whether contexts are kept is known only with the answer.
  protocol::DeflateParameters inflating_only;
  inflating_only.server_no_context_takeover = true;
  reservation_ = reserve_compression_memory(
      2 * connection::kept_state_bytes(inflating_only, Role::server, {}));
  if (reservation_) apr_table_setn(r_->headers_in, extensions_header, pool_string(r_->pool, offer));
}

void RelayCompression::offer_own() {
  own_offer_ = policy_.compression.settings;
  if (own_offer_.context_takeover) {
    protocol::DeflateParameters widest;
    widest.server_max_window_bits = own_offer_.window_bits;
    widest.client_max_window_bits = own_offer_.window_bits;
    reservation_ = reserve_compression_memory(
        connection::kept_state_bytes(widest, Role::client, policy_.compression.effort));
    own_offer_.context_takeover = static_cast<bool>(reservation_);
  }
  const std::string offer = protocol::serialize_deflate_offer(own_offer_);
  apr_table_setn(r_->headers_in, extensions_header, pool_string(r_->pool, offer));
}

std::optional<std::string> RelayCompression::receive_answer(std::string_view answer) {
  if (!ends_here_) {
    answer_ = answer;
    allowed_rsv_ = protocol::rsv_bits_of(answer);
    if (reservation_ && !answer.empty())
      passed_ = {protocol::read_deflate_answer(answer), std::move(reservation_)};
    return std::nullopt;
  }
  if (answer.empty()) return std::nullopt;
  const auto agreed = protocol::check_deflate_answer(answer, own_offer_);
  if (!agreed) return "its Sec-WebSocket-Extensions does not fit the offer: " + std::string(answer);
  backend_ = {*agreed, std::move(reservation_)};
  return std::nullopt;
}

}  // namespace mod_ws::httpd
