#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ws/request.h"

namespace ws {

/// The answer to an opening handshake, for Upgrader::respond.
class Response {
 public:
  /// Adds a header to the 101, or to the refusal. One that the handshake itself sets, and one with
  /// a line break, is left out, with a line in the log.
  virtual void add_header(std::string_view name, std::string_view value) = 0;

  /// Refuses the session with an HTTP status, 300 to 599, and a body. With an empty one httpd's
  /// ErrorDocument is sent; a status that httpd does not know becomes 500 there.
  virtual void refuse(int status, std::string_view body = {},
                      std::string_view content_type = "text/plain; charset=utf-8") = 0;

 protected:
  ~Response() = default;
};

/// What a handler accepts, beside what the directives of its Location say: a field that is not set
/// leaves that to them, and where both limit something, the smaller one counts.
struct Upgrader {
  enum class Compression : std::uint8_t { by_directive, off };

  /// Up to eight names; more do not compile.
  class Names {
   public:
    static constexpr std::size_t max_count = 8;

    constexpr Names() = default;
    template <class... T>
    requires(sizeof...(T) <= max_count && (std::convertible_to<T, const char*> && ...))  //
        constexpr Names(T... names)  // NOLINT: a list of names is Names
        : names_{names...}, count_(sizeof...(T)) {}

    constexpr const char* const* begin() const { return names_.data(); }
    constexpr const char* const* end() const { return names_.data() + count_; }

   private:
    std::array<const char*, max_count> names_{};
    std::size_t count_ = 0;
  };

  /// Subprotocols, the most wanted first; else WebSocketSubprotocol. (RFC 6455 1.9)
  Names subprotocols{};
  /// Request headers that Request::header() knows in the session: "Cookie", say.
  Names kept_headers{};
  /// Whether to accept the request's origin; else WebSocketOrigin. Refused with 403. On a worker
  /// thread of httpd's.
  bool (*check_origin)(const Request& request) = nullptr;
  /// May add headers to the 101, or refuse the session. On a worker thread of httpd's.
  void (*respond)(const Request& request, Response& response) = nullptr;
  /// Bytes of the longest message to read; 0: as WebSocketMaxMessageSize says.
  std::uint64_t read_limit = 0;
  /// Bytes that wait for the client before writers do; 0: as WebSocketWriteBufferSize says. (What
  /// is read goes to a buffer of the loop's: WebSocketReadBufferSize.)
  std::size_t write_buffer_size = 0;
  /// For the client to take the 101; 0: as WebSocketHandshakeTimeout says.
  std::chrono::milliseconds handshake_timeout{0};
  Compression compression = Compression::by_directive;
};

}  // namespace ws
