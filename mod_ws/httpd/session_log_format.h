#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/connection/session_record.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

/// What is known of a session once its handshake is done.
struct BegunSession {
  request_rec* request;
  std::string_view backend;  ///< As metrics::Labels has it.
  std::string_view subprotocol;
};

/// What is known once it has ended.
struct EndedSession {
  const connection::SessionEnd& end;
  connection::Traffic client;
  connection::Traffic backend;
  std::chrono::milliseconds age;
};

/// What a line of `WebSocketLog` looks like: LogFormat's items about the request, and items of its
/// own, `%{NAME}W`, about the session.
class SessionLogFormat {
 public:
  /// A complaint about what cannot be understood, in the pool; null if all can.
  const char* parse(apr_pool_t* pool, std::string_view text);

  /// A line with what the request and its handshake tell; the rest is left open. A session keeps it
  /// until its end.
  std::string begin(const BegunSession& session) const;

  /// The whole line, with its line end.
  std::string finish(std::string_view begun, const EndedSession& session) const;

  /// What `WebSocketLog` has without a format.
  static constexpr const char* usual =
      "%t %a %u \"%U\" %{backend}W %{subprotocol}W %{duration}W %{messages-in}W %{bytes-in}W "
      "%{messages-out}W %{bytes-out}W %{code}W %{side}W \"%{cause}W\"";

 private:
  struct Item {
    std::string text;  ///< As it is; of the others, what stands in the braces.
    std::string (*at_begin)(const BegunSession& session, const std::string& text) = nullptr;
    std::string (*at_end)(const EndedSession& session, const std::string& text) = nullptr;
  };

  const char* parse_item(apr_pool_t* pool, std::string_view& text);
  void add_literal(char c);

  std::vector<Item> items_;
};

}  // namespace mod_ws::httpd
