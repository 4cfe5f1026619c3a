#include "mod_ws/handler/c_handler.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mod_ws/base/packed_strings.h"
#include "mod_ws/handler/loop_runtime.h"

namespace mod_ws::handler {
namespace {

ws::MessageType type_of(ws_message_type type) {
  return type == WS_MESSAGE_TEXT ? ws::MessageType::text : ws::MessageType::binary;
}

std::string_view view_of(const void* payload, std::size_t size) {
  return {static_cast<const char*>(payload), size};
}

/// Each with the zero that C wants behind it.
base::PackedStrings c_strings(const ws::Conn& conn) {
  const ws::Request request = conn.request();
  using namespace std::string_view_literals;
  constexpr auto end = "\0"sv;
  return {request.uri,  end, request.remote_address, end,
          request.user, end, conn.subprotocol(),     end};
}

/// What a C handler sees, and what it has asked for.
class CSession : public ws_session {
 public:
  explicit CSession(ws::Conn& conn) : ws_session{}, conn_(conn), strings_(c_strings(conn)) {
    uri = strings_[0].data();
    remote_address = strings_[2].data();
    user = strings_[4].data();
    subprotocol = strings_[6].data();
    send = [](ws_session* session, ws_message_type type, const void* payload, std::size_t size) {
      self(session).sent_.push_back({type_of(type), std::string(view_of(payload, size))});
    };
    close = [](ws_session* session, int code, const char* reason) {
      self(session).closing_ = std::make_unique<ws::CloseStatus>(
          ws::CloseStatus{static_cast<ws::CloseCode>(code), reason == nullptr ? "" : reason});
    };
    subscribe = [](ws_session* session, const char* channel) {
      self(session).conn_.subscribe(channel);
    };
    publish = [](const char* channel, ws_message_type type, const void* payload, std::size_t size) {
      runtime().publish(channel, runtime().prepare(type_of(type), view_of(payload, size)));
    };
  }

  bool has_asked() const { return !sent_.empty() || closing_; }

  /// Does what has been asked for. False once the session is over.
  ws::Task<bool> carry_out() {
    std::vector<ws::Message> sent = std::exchange(sent_, {});
    for (ws::Message& asked : sent) {
      const ws::Message message = std::move(asked);
      const ws::Error error = co_await conn_.write(message);
      if (error.reason() != ws::Error::Reason::closed) continue;
      co_await conn_.close();  // it has been: for how it ends
      co_return false;
    }
    if (!closing_) co_return true;
    co_await conn_.close(closing_->code, closing_->reason);
    co_return false;
  }

 private:
  static CSession& self(ws_session* session) { return static_cast<CSession&>(*session); }

  ws::Conn& conn_;
  // Idle sessions hold them: the smaller the better.
  base::PackedStrings strings_;
  std::vector<ws::Message> sent_;
  std::unique_ptr<ws::CloseStatus> closing_;
};

}  // namespace

ws::Task<> run_c_handler(ws::Conn& conn, const ws_c_handler& handler) {
  CSession session(conn);
  if (handler.on_open != nullptr) handler.on_open(&session);
  bool goes_on = true;
  while (true) {
    // A coroutine costs a frame, and most often nothing has been asked for.
    if (session.has_asked()) goes_on = co_await session.carry_out();
    if (!goes_on) break;
    const auto message = co_await conn.read();
    if (!message) break;
    if (handler.on_message == nullptr) continue;
    handler.on_message(&session, static_cast<ws_message_type>(message->type),
                       message->payload.data(), message->payload.size());
  }
  if (handler.on_close != nullptr)
    handler.on_close(&session, static_cast<int>(conn.close_status().code));
}

}  // namespace mod_ws::handler
