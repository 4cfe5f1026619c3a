#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "ws/conn.h"
#include "ws/task.h"

/// JSON messages, for handlers that include this beside ws/ws.h; it needs the library
/// nlohmann-json.
namespace ws {

/// The next message as JSON. Empty once the session is over; a message that is no JSON ends it,
/// with 1007.
inline Task<std::optional<nlohmann::json>> read_json(Conn& conn) {
  const auto message = co_await conn.read();
  if (!message) co_return std::nullopt;
  auto value = nlohmann::json::parse(message->payload, nullptr, false);
  if (!value.is_discarded()) co_return std::move(value);
  co_await conn.close(CloseCode::invalid_frame_payload_data, "not JSON");
  co_return std::nullopt;
}

namespace detail {

inline Task<Error> write_text(Conn& conn, std::string text) {
  const auto error = co_await conn.write(MessageType::text, std::string_view(text));
  co_return error;
}

}  // namespace detail

/// Sends a value as a text message. What is no UTF-8 in its strings is replaced with U+FFFD.
inline Task<Error> write_json(Conn& conn, const nlohmann::json& value) {
  return detail::write_text(conn,
                            value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace ws
