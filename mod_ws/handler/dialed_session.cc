#include "mod_ws/handler/dialed_session.h"

#include <utility>

namespace mod_ws::handler {
namespace {

using base::LogLevel;

/// As WebSocketSendQueue has it: who takes published messages too slowly is closed.
constexpr connection::SendQueue send_queue{.action = connection::SendQueue::Action::close,
                                           .limit_bytes = 1 << 20};

/// What is dialed belongs to the handler that has dialed.
connection::Policy policy_of(const DialedTerms& terms, const char* handler_name) {
  connection::Policy policy;
  // The peer's messages, here as everywhere.
  policy.client_limits.max_message_bytes = terms.read_limit_bytes;
  policy.validates_messages = true;
  policy.send_queue = send_queue;
  policy.handler_name = handler_name;
  return policy;
}

}  // namespace

class DialedSession::Resident final : public engine::Resident {
 public:
  explicit Resident(std::shared_ptr<DialedSession> session) : session_(std::move(session)) {
    session_->resident_ = this;
  }
  ~Resident() override {
    session_->resident_ = nullptr;
    session_->leave_loop();
  }

  void on_adopted() override {}
  void go_away(const engine::Farewell& farewell) override { session_->say_goodbye(farewell); }

 private:
  std::shared_ptr<DialedSession> session_;
};

ws::Client DialedSession::open(engine::EventLoop& loop, transport::Transport transport,
                               DialedTerms terms) {
  const auto session = std::make_shared<DialedSession>(loop, std::move(transport), terms);
  session->handle_ = session;
  session->begin(terms.already_read, std::move(terms.compression));
  loop.adopt(std::make_unique<Resident>(session));
  return {*session, abandon};
}

DialedSession::DialedSession(engine::EventLoop& loop, transport::Transport transport,
                             const DialedTerms& terms)
    : DialedPolicy{policy_of(terms, loop.guest_book().guest())},
      ConnSession(loop, std::move(transport),
                  {.role = protocol::Role::client,
                   .allowed_rsv = terms.compression ? protocol::rsv1_bit : std::uint8_t{0},
                   .limits = &policy.client_limits},
                  {.policy = policy}, {terms.target, terms.remote_address, {}, terms.subprotocol}),
      url_(terms.url) {}

void DialedSession::abandon(ws::Conn& conn) noexcept {
  auto& session = static_cast<DialedSession&>(conn);
  const auto self = std::move(session.handle_);
  if (session.resident_ == nullptr) return;
  if (session.connection().ended()) return session.retire();
  session.say_goodbye(std::string_view());
}

void DialedSession::retire() { connection().loop().retire(*resident_); }

void DialedSession::on_connection_ended() {
  drop_done_siblings();  // one of them may hold the handle
  if (!handle_) retire();
}

void DialedSession::on_stuck() {
  log(LogLevel::error,
      "a coroutine goes on after the end of this dialed connection, and gets no further answers");
}

}  // namespace mod_ws::handler
