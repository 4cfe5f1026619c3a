#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mod_ws::protocol {

inline constexpr std::string_view permessage_deflate_name = "permessage-deflate";
inline constexpr int max_window_bits = 15;
/// zlib cannot deflate with a window of 256 bytes (it uses 512 and says so), so 8 is never agreed
/// to for what we send.
inline constexpr int min_deflate_window_bits = 9;

/// What two endpoints agreed on (RFC 7692 7.1).
struct DeflateParameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int server_max_window_bits = max_window_bits;
  /// The offer named server_max_window_bits, so the answer has to (RFC 7692 7.1.2.1).
  bool names_server_window = false;
  /// No value where the client did not say that it can be limited: then the answer must not limit
  /// it (RFC 7692 7.1.2.2).
  std::optional<int> client_max_window_bits;

  bool operator==(const DeflateParameters&) const = default;
};

/// What an endpoint is willing to do.
struct DeflateSettings {
  bool context_takeover =
      true;  ///< For both directions. Without it, a session keeps no zlib state between messages.
  int window_bits = max_window_bits;  ///< At most, for both directions; 9 to 15.

  bool operator==(const DeflateSettings&) const = default;
};

/// A server's choice: the first element of the client's Sec-WebSocket-Extensions that it can
/// accept, narrowed down by `settings`. Nothing when there is none: an unknown, repeated or
/// malformed parameter declines its element only (RFC 7692 7.1), a malformed header all of them.
std::optional<DeflateParameters> accept_deflate_offer(std::string_view offered,
                                                      const DeflateSettings& settings);

/// What the server answers: "permessage-deflate; server_no_context_takeover".
std::string serialize_deflate_answer(const DeflateParameters& agreed);

/// What a client offers: it can be limited, and asks to be, as far as `settings` say.
std::string serialize_deflate_offer(const DeflateSettings& settings);

/// A client's check of the answer to serialize_deflate_offer(settings). Nothing when it does not
/// fit the offer, and the connection is to be failed (RFC 7692 7.1, RFC 6455 4.1).
std::optional<DeflateParameters> check_deflate_answer(std::string_view answer,
                                                      const DeflateSettings& settings);

/// The elements of a client's Sec-WebSocket-Extensions that offer permessage-deflate, in their
/// order; empty if there is none.
std::string deflate_offers_of(std::string_view offered);

/// Whether the permessage-deflate of an answer, if there is one, fits one of the elements that were
/// offered (RFC 7692 7.1): what a client asked for is granted, and nothing is said twice, or of
/// something that was not offered.
bool deflate_answer_fits(std::string_view answer, std::string_view offered);

/// What somebody in between needs to inflate both directions after `answer`: which of them keep
/// context. Any window fits into the largest.
DeflateParameters read_deflate_answer(std::string_view answer);

}  // namespace mod_ws::protocol
