#include "mod_ws/protocol/deflate_negotiation.h"

#include <algorithm>
#include <utility>

#include "mod_ws/protocol/extension_list.h"
#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

/// The parameters of one element as they stand there.
struct RawParameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::optional<int> server_max_window_bits;
  bool has_client_max_window_bits = false;
  std::optional<int> client_max_window_bits;  // an offer may have the name alone
};

/// RFC 7692 7.1.2: 8 to 15, no leading zero.
std::optional<int> parse_window_bits(std::string_view value) {
  if (value == "8" || value == "9") return value[0] - '0';
  if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5')
    return 10 + (value[1] - '0');
  return std::nullopt;
}

/// A parameter without a value, that has not been there yet.
bool set_flag(bool& flag, const Extension::Parameter& parameter) {
  return !parameter.value && !std::exchange(flag, true);
}

bool set_bits(std::optional<int>& bits, const Extension::Parameter& parameter) {
  if (bits || !parameter.value) return false;
  bits = parse_window_bits(*parameter.value);
  return bits.has_value();
}

bool set_client_bits(RawParameters& raw, const Extension::Parameter& parameter) {
  if (std::exchange(raw.has_client_max_window_bits, true)) return false;
  return !parameter.value || set_bits(raw.client_max_window_bits, parameter);
}

bool set_parameter(RawParameters& raw, const Extension::Parameter& parameter) {
  const auto is = [&](std::string_view name) { return equals_ignoring_case(parameter.name, name); };
  if (is("server_no_context_takeover")) return set_flag(raw.server_no_context_takeover, parameter);
  if (is("client_no_context_takeover")) return set_flag(raw.client_no_context_takeover, parameter);
  if (is("server_max_window_bits")) return set_bits(raw.server_max_window_bits, parameter);
  if (is("client_max_window_bits")) return set_client_bits(raw, parameter);
  return false;
}

/// Nothing for another extension, or for unknown, repeated or malformed parameters.
std::optional<RawParameters> read_parameters(const Extension& extension) {
  if (!equals_ignoring_case(extension.name, permessage_deflate_name)) return std::nullopt;
  RawParameters raw;
  for (const auto& parameter : extension.parameters) {
    if (!set_parameter(raw, parameter)) return std::nullopt;
  }
  return raw;
}

std::optional<DeflateParameters> accept(const RawParameters& offer,
                                        const DeflateSettings& settings) {
  DeflateParameters agreed;
  agreed.server_no_context_takeover =
      offer.server_no_context_takeover || !settings.context_takeover;
  agreed.client_no_context_takeover =
      offer.client_no_context_takeover || !settings.context_takeover;
  agreed.server_max_window_bits =
      std::min(offer.server_max_window_bits.value_or(max_window_bits), settings.window_bits);
  agreed.names_server_window = offer.server_max_window_bits.has_value();
  // An offer that limits us to a window zlib does not have is declined.
  if (agreed.server_max_window_bits < min_deflate_window_bits) return std::nullopt;
  if (offer.has_client_max_window_bits) {
    agreed.client_max_window_bits =
        std::min(offer.client_max_window_bits.value_or(max_window_bits), settings.window_bits);
  }
  return agreed;
}

void append_bits(std::string& text, const char* name, int bits, bool always = false) {
  if (always || bits < max_window_bits)
    text.append("; ").append(name).append("=").append(std::to_string(bits));
}

}  // namespace

std::optional<DeflateParameters> accept_deflate_offer(std::string_view offered,
                                                      const DeflateSettings& settings) {
  const auto extensions = parse_extension_list(offered);
  if (!extensions) return std::nullopt;
  for (const Extension& extension : *extensions) {
    const auto offer = read_parameters(extension);
    if (!offer) continue;
    if (auto agreed = accept(*offer, settings)) return agreed;
  }
  return std::nullopt;
}

std::string deflate_offers_of(std::string_view offered) {
  const auto extensions = parse_extension_list(offered);
  std::string text;
  if (!extensions) return text;
  for (const Extension& extension : *extensions) {
    if (!equals_ignoring_case(extension.name, permessage_deflate_name)) continue;
    if (!text.empty()) text += ", ";
    text += permessage_deflate_name;
    for (const auto& [name, value] : extension.parameters) {
      text.append("; ").append(name);
      if (value) text.append("=").append(*value);
    }
  }
  return text;
}

DeflateParameters read_deflate_answer(std::string_view answer) {
  DeflateParameters agreed;
  const auto extensions = parse_extension_list(answer);
  if (!extensions || extensions->size() != 1) return agreed;
  for (const auto& parameter : extensions->front().parameters) {
    if (equals_ignoring_case(parameter.name, "server_no_context_takeover"))
      agreed.server_no_context_takeover = true;
    if (equals_ignoring_case(parameter.name, "client_no_context_takeover"))
      agreed.client_no_context_takeover = true;
  }
  return agreed;
}

std::string serialize_deflate_answer(const DeflateParameters& agreed) {
  std::string text(permessage_deflate_name);
  if (agreed.server_no_context_takeover) text += "; server_no_context_takeover";
  if (agreed.client_no_context_takeover) text += "; client_no_context_takeover";
  append_bits(text, "server_max_window_bits", agreed.server_max_window_bits,
              agreed.names_server_window);
  append_bits(text, "client_max_window_bits",
              agreed.client_max_window_bits.value_or(max_window_bits));
  return text;
}

std::string serialize_deflate_offer(const DeflateSettings& settings) {
  std::string text(permessage_deflate_name);
  if (!settings.context_takeover)
    text += "; server_no_context_takeover; client_no_context_takeover";
  append_bits(text, "server_max_window_bits", settings.window_bits);
  text += "; client_max_window_bits";
  if (settings.window_bits < max_window_bits) text += "=" + std::to_string(settings.window_bits);
  return text;
}

std::optional<DeflateParameters> check_deflate_answer(std::string_view answer,
                                                      const DeflateSettings& settings) {
  const auto extensions = parse_extension_list(answer);
  if (!extensions || extensions->size() != 1) return std::nullopt;
  const auto raw = read_parameters(extensions->front());
  if (!raw) return std::nullopt;
  // RFC 7692 7.1.1.1, 7.1.2.1: what was asked of the server must be granted.
  if (!settings.context_takeover && !raw->server_no_context_takeover) return std::nullopt;
  const int server_bits = raw->server_max_window_bits.value_or(max_window_bits);
  if (server_bits > settings.window_bits) return std::nullopt;
  // RFC 7692 7.1.2.2: an answer has a value; and a window of 256 bytes is one that zlib cannot
  // deflate with.
  if (raw->has_client_max_window_bits && !raw->client_max_window_bits) return std::nullopt;
  const int client_bits =
      std::min(raw->client_max_window_bits.value_or(max_window_bits), settings.window_bits);
  if (client_bits < min_deflate_window_bits) return std::nullopt;
  return DeflateParameters{
      .server_no_context_takeover = raw->server_no_context_takeover,
      .client_no_context_takeover = raw->client_no_context_takeover || !settings.context_takeover,
      .server_max_window_bits = server_bits,
      .names_server_window = raw->server_max_window_bits.has_value(),
      .client_max_window_bits = client_bits};
}

}  // namespace mod_ws::protocol
