#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ws/conn.h"
#include "ws/pending.h"
#include "ws/runtime.h"

namespace ws {

/// A connection that was dialed, to be used as any ws::Conn is, on the thread of the loop that
/// dialed it. When this is destroyed, the connection is closed with 1001 (going away) in the
/// background; with Conn::close() before, as that says.
class Client {
 public:
  Client() = default;
  /// For mod_ws: `abandon` is called once.
  Client(Conn& conn, void (*abandon)(Conn&) noexcept) : conn_(&conn), abandon_(abandon) {}
  Client(Client&& other) noexcept
      : conn_(std::exchange(other.conn_, nullptr)), abandon_(other.abandon_) {}
  Client& operator=(Client&& other) noexcept {
    std::swap(conn_, other.conn_);
    std::swap(abandon_, other.abandon_);
    return *this;
  }
  ~Client() {
    if (conn_ != nullptr) abandon_(*conn_);
  }

  /// False when there is no connection: it was never dialed, or has been moved from.
  explicit operator bool() const { return conn_ != nullptr; }
  Conn& operator*() const { return *conn_; }
  Conn* operator->() const { return conn_; }

 private:
  Conn* conn_ = nullptr;
  void (*abandon_)(Conn&) noexcept = nullptr;
};

/// One header line.
struct Header {
  std::string name;
  std::string value;
};

/// Why no connection came about.
struct DialError {
  enum class Kind : std::uint8_t {
    none,
    bad_url,       ///< The URL to dial, or the proxy's, is none that can be dialed.
    bad_header,    ///< A header or subprotocol that cannot be sent.
    resolve,       ///< The host has no address.
    connect,       ///< No address could be connected to.
    proxy,         ///< The proxy did not make a tunnel.
    tls,           ///< The TLS handshake failed, or its files cannot be used.
    timeout,       ///< Not within handshake_timeout.
    refused,       ///< The server answered with another HTTP status than 101.
    bad_response,  ///< The server's answer is no opening handshake, or does not fit the request.
    going_away,    ///< The process ends.
  };

  Kind kind = Kind::none;
  std::string message;  ///< For people: "wss://example.org/chat: connection refused".
};

/// What Dialer::dial() came to.
struct [[nodiscard]] DialResult {
  Client client;    ///< Empty if there is an error.
  DialError error;  ///< Kind::none if there is none.

  // Of the server's answer, or of the proxy's where Kind::proxy is the error.
  int status = 0;               ///< 101 if there is no error; 0 without an answer.
  std::vector<Header> headers;  ///< In their order; Set-Cookie is not joined.
  std::string body;             ///< Its first KiB, with Kind::refused.

  explicit operator bool() const { return static_cast<bool>(client); }

  /// The value of the first header with this name, in any case.
  std::optional<std::string_view> header(std::string_view name) const;
};

/// Opens WebSocket connections to servers: fill in what is to differ from the defaults, and dial.
struct Dialer {
  /// What to offer, the most wanted first; Conn::subprotocol() tells what was agreed.
  std::vector<std::string> subprotocols{};

  /// Sent with the request: Origin, Cookie, Authorization and the like; a Host takes the place of
  /// the URL's. What the handshake sets itself is refused, and so are line breaks.
  std::vector<Header> headers{};

  /// For all of it: name resolution, connecting, proxy, TLS and opening handshake. 0: any time.
  std::chrono::milliseconds handshake_timeout{45'000};

  /// Offers permessage-deflate (RFC 7692). Without context takeover, so that a connection keeps no
  /// zlib state between its messages.
  bool compression = true;

  /// Bytes of the longest message to read; a longer one closes with 1009. 0: any.
  std::uint64_t read_limit = 1 << 20;

  /// How the server proves who it is, and we who we are, with wss. Files are in PEM form, and read
  /// anew when they have changed.
  struct Tls {
    bool verify = true;              ///< Off, anybody in between can read and write along.
    std::string ca_file{};           ///< Whom to trust instead of the system's authorities.
    std::string server_name{};       ///< What the certificate must be for, instead of the host.
    std::string certificate_file{};  ///< Ours, with its chain.
    std::string key_file{};          ///< Its key, unless it is in the same file.
  };
  Tls tls{};

  /// "http://[user:password@]host:port": an HTTP proxy to go through, with CONNECT. It resolves the
  /// host's name. Empty: none; the environment's http_proxy is not looked at.
  std::string proxy{};

  /// Begins to dial "ws://host[:port]/path?query", the same with wss, or over a UNIX socket
  /// "unix:/path/to/socket|ws://host/path". On a loop's thread, which is not blocked; the
  /// connection lives there. The dialer need not live until the result comes. Destroying the
  /// Pending ends the attempt.
  Pending<DialResult> dial(std::string_view url) const& {
    return detail::runtime->dial(url, *this);
  }
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  // g++ before 13 copies a temporary like this one byte by byte where something is awaited, and its
  // strings then free what is not theirs. A dialer with a name is safe.
  Pending<DialResult> dial(std::string_view url) const&& = delete;
#endif
};

inline std::optional<std::string_view> DialResult::header(std::string_view name) const {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  for (const Header& field : headers) {
    if (std::equal(field.name.begin(), field.name.end(), name.begin(), name.end(),
                   [&](char a, char b) { return lower(a) == lower(b); })) {
      return field.value;
    }
  }
  return std::nullopt;
}

}  // namespace ws
