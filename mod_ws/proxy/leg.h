#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mod_ws/connection/connection.h"
#include "mod_ws/connection/message_compression.h"
#include "mod_ws/proxy/message_check.h"
#include "mod_ws/proxy/message_rewriter.h"
#include "ws/close_code.h"

namespace mod_ws::proxy {

/// One of a relay's two connections: what it receives, it forwards to the other one. Frames go on
/// as they are, still masked, from the loop's receive buffer; only where the two are not compressed
/// alike, messages are sent anew.
class Leg final : public connection::Backend {
 public:
  /// Told of what concerns both legs.
  class Owner {
   public:
    /// The leg's peer has closed: by a Close frame, its answer to one, or the end of its stream.
    virtual void on_leg_closed(const Leg& leg) = 0;
    virtual void on_leg_violation(Leg& offender, const protocol::Violation& violation) = 0;
    virtual void on_leg_too_slow(Leg& leg) = 0;
    /// For the first time.
    virtual void on_leg_drops(Leg& leg) = 0;
    virtual void on_leg_due(connection::Due due) = 0;
    virtual void on_leg_ended(Leg& leg, const connection::Ending& ending) = 0;
    virtual void on_leg_trace(const Leg& leg, std::string_view frame) = 0;

   protected:
    ~Owner() = default;
  };

  /// What both opening handshakes came to, for this leg.
  struct Terms {
    protocol::Role role;           ///< Ours.
    std::uint8_t allowed_rsv = 0;  ///< Of the extensions that are agreed on.
    connection::Connection::Terms connection;
  };

  Leg(engine::EventLoop& loop, transport::Transport transport, const Terms& terms, Owner& owner,
      Leg& other);

  // Before the session begins; else frames are forwarded as they come.

  /// Checks messages, and forwards them as they come. `agreed`: the two sides' compression.
  void check_messages(std::optional<connection::CompressionTerms> agreed);

  /// This leg's compression ends here.
  void compress(connection::CompressionTerms agreed);

  /// Sends messages anew, for the other leg's compression, or changed.
  void rewrite_messages(PayloadChange change = PayloadChange::none);

  void on_piece(protocol::FramePiece& piece) override;
  void on_input_end() override;
  void on_violation(const protocol::Violation& violation) override;
  void on_peer_finished() override;
  void on_drained() override { other_.go_on(); }
  void on_due(connection::Due due) override;
  void on_ended(const connection::Ending& ending) override;
  void trace(std::string_view frame) override { owner_.on_leg_trace(*this, frame); }

  /// Sends a Close frame of our own: at once, or when the frame of the other leg's that is under
  /// way to this one has ended. Then either waits for the peer's answer or, when it has broken
  /// the protocol, ends the connection.
  enum class AfterClose : std::uint8_t { await_answer, finish };
  void close(ws::CloseStatus status, AfterClose after);

  /// Ends the connection soon: in the middle of a frame, where a large part of it is still to come.
  void give_up(ws::CloseStatus status);

  /// Ends the connection, where half a frame is out and its other half will not come: nothing can
  /// follow it, not even a Close frame.
  void cut_off();

  /// The closing handshake is complete: ends the connection.
  void finish_if_complete();

  bool is_closing() const { return connection_.closing().sent() || (pending_ && pending_->close); }
  /// The status the peer closed with, once it has.
  const std::optional<ws::CloseCode>& received_code() const { return received_code_; }
  /// The peer's Close was its answer to one that it had been sent.
  bool has_answered() const { return has_answered_; }
  /// Part of a frame has gone to the other leg, and nothing can follow there but the rest.
  bool is_mid_forward() const { return is_mid_forward_; }
  std::uint32_t dropped_messages() const { return dropped_messages_; }

  connection::Connection& connection() { return connection_; }
  const connection::Connection& connection() const { return connection_; }

 private:
  void answer_if_ping(protocol::FramePiece& piece);
  void receive_close(protocol::FramePiece& piece);
  void receive_data(protocol::FramePiece& piece);
  void choose_to_drop();
  bool drops_when_full() const;
  MessageRewriter::Receiver receiver();
  void rewrite(protocol::FramePiece& piece);
  void act_on(MessageRewriter::Result result);
  void go_on();
  void forward(std::span<const std::uint8_t> raw);
  void forward_run();
  void hold_back();
  void send_pending();
  protocol::MessageRules message_rules() const;

  /// Where messages are looked at, and not only forwarded.
  struct Messages {
    std::unique_ptr<connection::MessageCompression> compression;
    std::unique_ptr<MessageCheck> check;
    std::unique_ptr<MessageRewriter> rewriter;
  };
  Messages& messages();
  connection::MessageCompression* compression() const {
    return messages_ ? messages_->compression.get() : nullptr;
  }
  MessageRewriter* rewriter() const { return messages_ ? messages_->rewriter.get() : nullptr; }

  /// What waits for the end of a frame that is under way to this leg.
  struct Pending {
    std::optional<std::vector<std::uint8_t>> pong;
    std::optional<ws::CloseStatus> close;
    AfterClose after_close = AfterClose::await_answer;
  };
  Pending& pending();

  Owner& owner_;
  Leg& other_;
  connection::Connection connection_;
  std::span<const std::uint8_t> run_;  // contiguous bytes to forward; empty between reads
  std::unique_ptr<Messages> messages_;
  std::unique_ptr<Pending> pending_;
  bool drops_message_ = false;  // the one under way
  bool is_mid_message_ = false;
  bool is_mid_forward_ = false;
  bool has_answered_ = false;
  bool may_drop_messages_;
  std::optional<ws::CloseCode> received_code_;
  std::uint32_t dropped_messages_ = 0;
};

}  // namespace mod_ws::proxy
