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

/// Nothing for unknown, repeated or malformed parameters.
std::optional<RawParameters> read_parameters(const Extension& extension) {
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

/// Whether an answer grants what an offer asked for, and no more.
bool fits(const RawParameters& answer, const RawParameters& offer) {
  // RFC 7692 7.1.1.1
  if (offer.server_no_context_takeover && !answer.server_no_context_takeover) return false;
  // RFC 7692 7.1.2.1
  if (offer.server_max_window_bits &&
      answer.server_max_window_bits.value_or(max_window_bits) > *offer.server_max_window_bits) {
    return false;
  }
  // RFC 7692 7.1.2.2: only where the client can be limited, and then with a value.
  if (!answer.has_client_max_window_bits) return true;
  return offer.has_client_max_window_bits && answer.client_max_window_bits &&
         *answer.client_max_window_bits <= offer.client_max_window_bits.value_or(max_window_bits);
}

/// The elements of a header that are about permessage-deflate; none where it is malformed.
std::vector<Extension> deflate_elements(std::string_view header) {
  auto extensions = parse_extension_list(header);
  if (!extensions) return {};
  std::erase_if(*extensions, [](const Extension& extension) {
    return !equals_ignoring_case(extension.name, permessage_deflate_name);
  });
  return std::move(*extensions);
}

void append_bits(std::string& text, const char* name, int bits, bool always = false) {
  if (always || bits < max_window_bits)
    text.append("; ").append(name).append("=").append(std::to_string(bits));
}

}  // namespace

std::optional<DeflateParameters> accept_deflate_offer(std::string_view offered,
                                                      const DeflateSettings& settings) {
  for (const Extension& extension : deflate_elements(offered)) {
    const auto offer = read_parameters(extension);
    if (!offer) continue;
    if (auto agreed = accept(*offer, settings)) return agreed;
  }
  return std::nullopt;
}

std::string deflate_offers_of(std::string_view offered) {
  std::string text;
  for (const Extension& extension : deflate_elements(offered)) {
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
  const auto answered = deflate_elements(answer);
  const auto raw = answered.empty() ? std::nullopt : read_parameters(answered.front());
  if (!raw) return agreed;
  agreed.server_no_context_takeover = raw->server_no_context_takeover;
  agreed.client_no_context_takeover = raw->client_no_context_takeover;
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

bool deflate_answer_fits(std::string_view answer, std::string_view offered) {
  const auto answered = deflate_elements(answer);
  if (answered.empty()) return true;
  const auto agreed = read_parameters(answered.front());
  if (answered.size() > 1 || !agreed) return false;
  const auto offers = deflate_elements(offered);
  return std::any_of(offers.begin(), offers.end(), [&](const Extension& element) {
    const auto offer = read_parameters(element);
    return offer && fits(*agreed, *offer);
  });
}

std::optional<DeflateParameters> check_deflate_answer(std::string_view answer,
                                                      const DeflateSettings& settings) {
  if (!deflate_answer_fits(answer, serialize_deflate_offer(settings))) return std::nullopt;
  const auto answered = deflate_elements(answer);
  const auto raw = answered.empty() ? std::nullopt : read_parameters(answered.front());
  if (!raw) return std::nullopt;
  const int client_bits =
      std::min(raw->client_max_window_bits.value_or(max_window_bits), settings.window_bits);
  // zlib cannot deflate with a window of 256 bytes.
  if (client_bits < min_deflate_window_bits) return std::nullopt;
  return DeflateParameters{
      .server_no_context_takeover = raw->server_no_context_takeover,
      .client_no_context_takeover = raw->client_no_context_takeover || !settings.context_takeover,
      .server_max_window_bits = raw->server_max_window_bits.value_or(max_window_bits),
      .names_server_window = raw->server_max_window_bits.has_value(),
      .client_max_window_bits = client_bits};
}

}  // namespace mod_ws::protocol
