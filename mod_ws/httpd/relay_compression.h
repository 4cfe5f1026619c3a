#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/httpd/compression.h"

namespace mod_ws::httpd {

/// What a relay's two sides are offered, and what comes of it, by the location's
/// WebSocketCompression. While it lives, the request's Sec-WebSocket-Extensions is what the backend
/// is to be offered; afterwards it is the client's again, for another balancer member or the log.
class RelayCompression {
 public:
  RelayCompression(request_rec* r, const connection::Policy& policy);
  RelayCompression(const RelayCompression&) = delete;
  RelayCompression& operator=(const RelayCompression&) = delete;
  ~RelayCompression();

  /// Takes the extensions of the backend's 101, which fit what was offered by name. What is wrong
  /// with them, or nothing.
  std::optional<std::string> receive_answer(std::string_view answer);

  /// Sec-WebSocket-Extensions for the client; empty: none.
  const std::string& answer() const { return answer_; }

  // See proxy::RelayTerms; each once.
  std::uint8_t allowed_rsv() const { return allowed_rsv_; }
  std::optional<connection::CompressionTerms> take_passed() { return std::move(passed_); }
  std::optional<connection::CompressionTerms> take_client() { return std::move(client_); }
  std::optional<connection::CompressionTerms> take_backend() { return std::move(backend_); }

 private:
  void compress_here();
  void offer_nothing();
  void offer_what_can_be_checked();
  void offer_own();

  request_rec* r_;
  const connection::Policy& policy_;
  const char* client_offer_;  // null: none
  bool ends_here_;            // the client's compression, the backend's, or both
  protocol::DeflateSettings own_offer_{};
  base::SessionLedger::Place reservation_;  // until the answer comes
  std::string answer_;
  std::uint8_t allowed_rsv_ = 0;
  std::optional<connection::CompressionTerms> passed_;
  std::optional<connection::CompressionTerms> client_;
  std::optional<connection::CompressionTerms> backend_;
};

}  // namespace mod_ws::httpd
