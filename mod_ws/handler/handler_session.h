#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/base/log.h"
#include "mod_ws/connection/connection.h"
#include "mod_ws/engine/resident.h"
#include "mod_ws/handler/op_list.h"
#include "mod_ws/protocol/message_assembler.h"
#include "ws/handler.h"

namespace mod_ws::handler {

/// What the opening handshake agreed on for one session.
struct HandlerTerms {
  ws::HandlerFunction handler;
  const connection::Policy& policy;
  ws::Request request;
  std::string subprotocol;
  base::LogSubject subject;
  std::vector<std::uint8_t> already_read;  ///< What the client sent right behind its request.
};

/// A session that an in-process handler serves: one connection and one coroutine.
class HandlerSession final : public engine::Resident,
                             connection::Backend,
                             ws::detail::Session,
                             ws::detail::TaskOwner {
 public:
  HandlerSession(engine::EventLoop& loop, transport::Transport transport, HandlerTerms terms);

  void on_adopted() override;
  void go_away() override;

 private:
  template <class T>
  using State = ws::detail::OpState<T>;

  // connection::Backend
  void on_piece(protocol::FramePiece& piece) override;
  void on_input_end() override {}
  void on_violation(const protocol::Violation& violation) override;
  void on_drained() override;
  void on_ended(const connection::Ending& ending) override;

  // ws::detail::Session
  bool start(State<std::optional<ws::Message>>& read) override;
  bool start(State<ws::Error>& write) override;
  bool start(State<ws::CloseStatus>& close) override;
  void forget(State<std::optional<ws::Message>>& read) noexcept override { readers_.remove(read); }
  void forget(State<ws::Error>& write) noexcept override { writers_.remove(write); }
  void forget(State<ws::CloseStatus>& close) noexcept override { closers_.remove(close); }
  const ws::Request& request() const override { return request_; }
  std::string_view subprotocol() const override { return subprotocol_; }
  const ws::CloseStatus& close_status() const override { return status_; }
  std::size_t buffered_amount() const override { return connection_.queued_bytes(); }

  // ws::detail::TaskOwner
  void on_task_done() noexcept override;

  void run_handler();
  void receive_control(protocol::FramePiece& piece);
  void receive_close(std::span<const std::uint8_t> payload);
  void deliver(ws::Message message);
  void set_over(ws::CloseStatus status);
  void retire_if_done();
  bool can_write() const { return !connection_.ended() && connection_.closing().may_send_data(); }

  engine::EventLoop& loop_;
  connection::Connection connection_;
  protocol::MessageAssembler assembler_;
  ws::HandlerFunction handler_;
  ws::Request request_;
  std::string subprotocol_;
  base::LogSubject subject_;
  std::vector<std::uint8_t> already_read_;
  ws::CloseStatus status_;
  std::unique_ptr<ws::Message> inbox_;  // a message nobody was waiting for
  OpList<std::optional<ws::Message>> readers_;
  OpList<ws::Error> writers_;
  OpList<ws::CloseStatus> closers_;
  ws::Conn conn_{*this};
  bool over_ = false;  // no further message will be delivered
  bool task_done_ = false;
  std::uint16_t reads_after_end_ = 0;
  ws::Task<> task_;  // last: its frame is destroyed first, and its operations are forgotten
};

}  // namespace mod_ws::handler
