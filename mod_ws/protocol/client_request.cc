#include "mod_ws/protocol/client_request.h"

#include <algorithm>
#include <array>

#include "mod_ws/protocol/header_list.h"
#include "mod_ws/protocol/opening_handshake.h"

namespace mod_ws::protocol {
namespace {

constexpr std::array<std::string_view, 9> reserved_names{
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Accept",
    // What follows the head is frames already.
    "Content-Length",
    "Transfer-Encoding",
};

constexpr std::string_view host_name = "Host";

bool is_host(const HeaderField& field) { return equals_ignoring_case(field.name, host_name); }

bool is_reserved(std::string_view name) {
  return std::any_of(reserved_names.begin(), reserved_names.end(),
                     [&](std::string_view known) { return equals_ignoring_case(known, name); });
}

/// RFC 9110 5.5
bool is_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7F);
}

std::optional<std::string> check_header(const HeaderField& field) {
  if (!is_token(field.name)) return "a header's name is not a token (RFC 9110 5.1)";
  if (is_reserved(field.name)) return "the header " + field.name + " is set by the handshake";
  if (!std::all_of(field.value.begin(), field.value.end(), is_value_char))
    return "the value of the header " + field.name + " has a line break or a control character";
  return std::nullopt;
}

void append_line(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::optional<std::string> check_client_headers(std::span<const HeaderField> headers) {
  for (const HeaderField& field : headers) {
    if (auto complaint = check_header(field)) return complaint;
  }
  if (std::count_if(headers.begin(), headers.end(), is_host) > 1)
    return "there are two Host headers";
  return std::nullopt;
}

std::optional<std::string> check_subprotocols(std::span<const std::string> subprotocols) {
  for (auto name = subprotocols.begin(); name != subprotocols.end(); ++name) {
    if (!is_token(*name)) return "the name of a subprotocol is not a token (RFC 6455 4.1)";
    if (std::find(subprotocols.begin(), name, *name) != name)
      return "the subprotocol " + *name + " is offered twice";
  }
  return std::nullopt;
}

std::string serialize_client_request(const ClientRequest& request) {
  std::string text = "GET " + request.url.target + " HTTP/1.1\r\n";
  const auto host = std::find_if(request.headers.begin(), request.headers.end(), is_host);
  append_line(text, host_name,
              host == request.headers.end() ? request.url.host_header() : host->value);
  append_line(text, "Upgrade", "websocket");
  append_line(text, "Connection", "Upgrade");
  append_line(text, "Sec-WebSocket-Key", request.key);
  append_line(text, "Sec-WebSocket-Version", websocket_version);
  if (!request.subprotocols.empty())
    append_line(text, "Sec-WebSocket-Protocol", request.subprotocols);
  if (!request.extensions.empty())
    append_line(text, "Sec-WebSocket-Extensions", request.extensions);
  for (const HeaderField& field : request.headers) {
    if (!is_host(field)) append_line(text, field.name, field.value);
  }
  return text += "\r\n";
}

std::string serialize_connect_request(const UrlAuthority& target, const ProxyUrl& proxy) {
  const std::string authority = authority_with_port(target);
  std::string text = "CONNECT " + authority + " HTTP/1.1\r\n";
  append_line(text, host_name, authority);
  if (!proxy.authorization.empty()) append_line(text, "Proxy-Authorization", proxy.authorization);
  return text += "\r\n";
}

}  // namespace mod_ws::protocol
