#include "mod_ws/handler/dial_plan.h"

#include <array>
#include <utility>
#include <vector>

#include "mod_ws/protocol/base64.h"
#include "mod_ws/protocol/client_request.h"
#include "mod_ws/protocol/opening_handshake.h"
#include "mod_ws/transport/accept_key.h"

namespace mod_ws::handler {
namespace {

using Kind = ws::DialError::Kind;

/// RFC 6455 4.1: base64 of 16 bytes that nobody can guess.
std::string new_key(engine::RandomSource& random) {
  std::array<std::uint8_t, 16> bytes;
  for (std::size_t at = 0; at < bytes.size();) {
    for (const std::uint8_t byte : random.next_key()) bytes[at++] = byte;
  }
  return protocol::encode_base64(bytes);
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

std::vector<protocol::HeaderField> fields_of(const std::vector<ws::Header>& headers) {
  std::vector<protocol::HeaderField> fields;
  fields.reserve(headers.size());
  for (const ws::Header& header : headers) fields.push_back({header.name, header.value});
  return fields;
}

ws::DialError set_url(DialPlan& plan, std::string_view url) {
  const char* complaint = nullptr;
  auto parsed = protocol::parse_websocket_url(url, complaint);
  // The URL itself is not repeated: it may hold a password.
  if (!parsed) return {Kind::bad_url, std::string("the URL cannot be dialed: ") + complaint};
  plan.url = std::move(*parsed);
  return {};
}

ws::DialError set_proxy(DialPlan& plan, const std::string& proxy) {
  if (proxy.empty()) return {};
  const char* complaint = nullptr;
  plan.proxy = protocol::parse_proxy_url(proxy, complaint);
  if (!plan.proxy)
    return {Kind::bad_url, std::string("the proxy's URL is of no use: ") + complaint};
  if (!plan.url.unix_path.empty())
    return {Kind::bad_url, "a UNIX socket cannot be reached through a proxy"};
  return {};
}

void set_tls(DialPlan& plan, const ws::Dialer::Tls& tls) {
  if (!plan.url.is_secure) return;
  plan.tls = {.verifies = tls.verify,
              .ca_file = tls.ca_file,
              .certificate_file = tls.certificate_file,
              .key_file = tls.key_file};
  plan.server_name = tls.server_name.empty() ? plan.url.authority.host : tls.server_name;
}

ws::DialError set_request(DialPlan& plan, const ws::Dialer& dialer, engine::RandomSource& random) {
  const auto headers = fields_of(dialer.headers);
  auto complaint = protocol::check_client_headers(headers);
  if (!complaint) complaint = protocol::check_subprotocols(dialer.subprotocols);
  if (complaint) return {Kind::bad_header, plan.name() + ": " + *complaint};
  plan.subprotocols = joined(dialer.subprotocols);
  if (dialer.compression) plan.deflate = protocol::DeflateSettings{.context_takeover = false};
  const std::string key = new_key(random);
  plan.accept = transport::accept_key(key);
  plan.request = protocol::serialize_client_request(
      {.url = plan.url,
       .key = key,
       .subprotocols = plan.subprotocols,
       .extensions = plan.deflate ? protocol::serialize_deflate_offer(*plan.deflate) : "",
       .headers = headers});
  return {};
}

}  // namespace

std::string DialPlan::name() const {
  const std::string text = url.text();
  return text.substr(0, text.find('?'));
}

std::optional<DialPlan> make_dial_plan(std::string_view url, const ws::Dialer& dialer,
                                       engine::RandomSource& random, ws::DialError& error) {
  DialPlan plan;
  plan.timeout = dialer.handshake_timeout;
  plan.read_limit_bytes = dialer.read_limit;
  error = set_url(plan, url);
  if (error.kind == Kind::none) error = set_proxy(plan, dialer.proxy);
  set_tls(plan, dialer.tls);
  if (error.kind == Kind::none) error = set_request(plan, dialer, random);
  if (error.kind != Kind::none) return std::nullopt;
  return plan;
}

std::optional<std::string> check_dial_answer(const DialPlan& plan,
                                             const protocol::ResponseHead& head,
                                             DialAgreement& agreement) {
  const std::string offer = plan.deflate ? protocol::serialize_deflate_offer(*plan.deflate) : "";
  const std::string upgrade = head.header("Upgrade");
  const std::string connection = head.header("Connection");
  const std::string accept = head.header("Sec-WebSocket-Accept");
  const std::string extensions = head.header("Sec-WebSocket-Extensions");
  agreement.subprotocol = head.header("Sec-WebSocket-Protocol");
  auto complaint = protocol::check_response(
      {.status = head.status,
       .upgrade = upgrade,
       .connection = connection,
       .accept = accept,
       .subprotocol = agreement.subprotocol,
       .extensions = extensions},
      {.accept = plan.accept, .subprotocols = plan.subprotocols, .extensions = offer});
  if (complaint || extensions.empty()) return complaint;
  agreement.deflate = protocol::check_deflate_answer(extensions, *plan.deflate);
  if (!agreement.deflate) return "101 with a permessage-deflate that cannot be met";
  return std::nullopt;
}

}  // namespace mod_ws::handler
