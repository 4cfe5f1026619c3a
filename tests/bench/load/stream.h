#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "mod_ws/base/unique_fd.h"

namespace mod_ws::bench {

struct FreeTls {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL* session) const { ::SSL_free(session); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

/// TLS 1.3 that trusts every server.
TlsContext make_tls_context();

/// Where a server listens on 127.0.0.1; with `tls`, which outlives the streams, for TLS.
struct Target {
  std::uint16_t port = 0;
  std::string path = "/";
  SSL_CTX* tls = nullptr;
  /// A connection that blocks for longer fails.
  std::chrono::milliseconds patience{30'000};
};

/// A connection to a server. It blocks until set_nonblocking(). What fails throws
/// std::runtime_error.
class Stream {
 public:
  explicit Stream(const Target& target);

  int fd() const { return fd_.get(); }
  void set_nonblocking();

  /// How many bytes there were; 0 when none are there yet. The connection's end throws.
  std::size_t read_some(std::span<std::uint8_t> into);
  /// Whether there may be more after less than was asked for: TLS gives a record at a time.
  bool may_hold_more() const { return tls_ != nullptr; }
  /// How many bytes were taken, perhaps 0. After fewer than offered, the same bytes come first
  /// the next time.
  std::size_t write_some(std::span<const iovec> parts);
  void write_all(std::string_view text);

  /// Sends a request's head and returns the answer's, with what has come behind it.
  std::string ask(std::string_view request_head);
  /// The opening handshake; any other answer than 101 throws, and so does
  /// a server that speaks first.
  void upgrade(const Target& target, std::string_view more_headers);

  /// Lets close() reset the connection, so that no port is left waiting.
  void reset_on_close();

 private:
  std::size_t write_tls(std::span<const iovec> parts);
  /// 0, unless it has waited for something.
  std::size_t nothing_yet() const;
  [[noreturn]] void fail(const char* what) const;

  base::UniqueFd fd_;
  std::unique_ptr<SSL, FreeTls> tls_;
  bool blocks_ = true;
};

}  // namespace mod_ws::bench
