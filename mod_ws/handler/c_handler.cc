#include "mod_ws/handler/c_handler.h"

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "mod_ws/handler/loop_runtime.h"

namespace mod_ws::handler {
namespace {

ws::MessageType type_of(ws_message_type type) {
  return type == WS_MESSAGE_TEXT ? ws::MessageType::text : ws::MessageType::binary;
}

std::string_view view_of(const void* payload, std::size_t size) {
  return {static_cast<const char*>(payload), size};
}

/// What a C handler sees, and what it has asked for.
class CSession : public ws_session {
 public:
  explicit CSession(ws::Conn& conn)
      : ws_session{}, conn_(conn), request_(conn.request()), subprotocol_(conn.subprotocol()) {
    uri_ = request_.uri;
    remote_address_ = request_.remote_address;
    user_ = request_.user;
    uri = uri_.c_str();
    remote_address = remote_address_.c_str();
    user = user_.c_str();
    subprotocol = subprotocol_.c_str();
    send = [](ws_session* session, ws_message_type type, const void* payload, std::size_t size) {
      self(session).sent_.push_back({type_of(type), std::string(view_of(payload, size))});
    };
    close = [](ws_session* session, int code, const char* reason) {
      self(session).closing_ = {static_cast<ws::CloseCode>(code), reason == nullptr ? "" : reason};
    };
    subscribe = [](ws_session* session, const char* channel) {
      self(session).conn_.subscribe(channel);
    };
    publish = [](const char* channel, ws_message_type type, const void* payload, std::size_t size) {
      runtime().publish(channel, runtime().prepare(type_of(type), view_of(payload, size)));
    };
  }

  /// Does what has been asked for. False once the session is over.
  ws::Task<bool> carry_out() {
    while (!sent_.empty()) {
      const ws::Message message = std::move(sent_.front());
      sent_.pop_front();
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
  ws::Request request_;
  std::string uri_;
  std::string remote_address_;
  std::string user_;
  std::string subprotocol_;
  std::deque<ws::Message> sent_;
  std::optional<ws::CloseStatus> closing_;
};

}  // namespace

ws::Task<> run_c_handler(ws::Conn& conn, const ws_c_handler& handler) {
  CSession session(conn);
  if (handler.on_open != nullptr) handler.on_open(&session);
  bool goes_on = co_await session.carry_out();
  while (goes_on) {
    const auto message = co_await conn.read();
    if (!message) break;
    if (handler.on_message != nullptr) {
      handler.on_message(&session, static_cast<ws_message_type>(message->type),
                         message->payload.data(), message->payload.size());
    }
    goes_on = co_await session.carry_out();
  }
  if (handler.on_close != nullptr)
    handler.on_close(&session, static_cast<int>(conn.close_status().code));
}

}  // namespace mod_ws::handler
