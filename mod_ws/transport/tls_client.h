#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/transport/transport.h"

namespace mod_ws::transport {

/// How a client does TLS. Files are in PEM form; an empty name is none.
struct TlsClientSettings {
  bool verifies = true;            ///< The server's certificate, and that it is for the name.
  std::string ca_file{};           ///< Whom to trust instead of the system's authorities.
  std::string certificate_file{};  ///< The client's own, with its chain.
  std::string key_file{};          ///< Its key; empty: in `certificate_file`.

  auto operator<=>(const TlsClientSettings&) const = default;
};

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPtr = std::shared_ptr<SSL_CTX>;

/// What TLS sessions with the same settings share: TLS 1.2 or later. Contexts are kept, and made
/// anew when a file has changed. Reads files, so it is not for a loop's thread. Null, with an error
/// that names the file, when one cannot be used.
SslContextPtr tls_client_context(const TlsClientSettings& settings, std::string& error);

/// The client's side of one TLS handshake, on a connected non-blocking socket. One thread.
class TlsClientHandshake {
 public:
  enum class Status : std::uint8_t { done, wants_read, wants_write, failed };

  /// `server_name`, a host name or an address in figures, is what the certificate must be for; a
  /// name is also told to the server (SNI).
  TlsClientHandshake(const SslContextPtr& context, base::UniqueFd socket,
                     const std::string& server_name);

  int fd() const { return socket_.get(); }

  /// Goes on as far as it can.
  Status go_on();

  /// Why it has failed: "the certificate is not accepted: self-signed certificate".
  const std::string& error() const { return error_; }

  /// Once it is done, and then no more of this.
  Transport take();

 private:
  Status fail(int system_error, int ssl_error);

  base::UniqueFd socket_;
  SslPtr ssl_;
  std::string error_;
};

}  // namespace mod_ws::transport
