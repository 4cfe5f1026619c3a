#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/base/log.h"
#include "mod_ws/base/packed_strings.h"
#include "mod_ws/connection/connection.h"
#include "mod_ws/connection/message_compression.h"
#include "mod_ws/connection/session_end.h"
#include "mod_ws/handler/op_list.h"
#include "mod_ws/protocol/message_assembler.h"
#include "ws/conn.h"

namespace mod_ws::handler {

class FragmentedMessage;
class ReadDeadline;
class SessionSender;
class SessionSubscription;
class Sibling;

/// A connection as coroutines see it: what a handler's session and a dialed one have in common.
/// What only some sessions need, and only for a while, is allocated when it is needed: there may be
/// very many that do nothing. conn_receiving.cc has the reading, conn_sending.cc the writing.
class ConnSession : protected connection::Backend, public ws::Conn {
 public:
  /// What `request` holds; behind, the headers that are kept, each name before its value.
  enum RequestString : std::size_t { uri, remote_address, user, subprotocol_name, first_header };

  // The loop's thread.

  /// Sends what is published, or comes from another thread, but not to a client that is too slow
  /// for it: see WebSocketSendQueue.
  void deliver(const std::shared_ptr<const ws::detail::Prepared>& message);
  /// The same, and tells the sender what waits for the client from then on.
  void deliver_for_sender(const std::shared_ptr<const ws::detail::Prepared>& message,
                          SessionSender& sender);
  void close_now(ws::CloseCode code, std::string_view reason);
  /// The same as a handler asks for it, who may be wrong.
  void close_by_handler(ws::CloseCode code, std::string_view reason);
  /// Closes with 1011, because of the exception that is being handled.
  void fail_with_exception(const char* who);
  /// Nothing is read from here on; the session is closed with 1001.
  void end_reading(std::string_view reason);

  // ws::Conn
  ws::Request request() const override;
  std::optional<std::string_view> option(std::string_view name) const override;
  std::string_view subprotocol() const override { return request_[subprotocol_name]; }
  const ws::CloseStatus& close_status() const override;
  std::size_t buffered_amount() const override { return connection_.queued_bytes(); }
  void subscribe(std::string_view channel) override;
  void unsubscribe(std::string_view channel) override;
  void spawn(ws::Task<> task) override;
  ws::Sender sender() override;
  void set_read_deadline(std::chrono::milliseconds time) override;
  void set_write_compression(bool compresses) override { write_compression_ = compresses; }
  void set_compression_level(int level) override;
  void on_ping(ControlObserver observer) override { rare().on_ping = std::move(observer); }
  void on_pong(ControlObserver observer) override { rare().on_pong = std::move(observer); }

 protected:
  ConnSession(engine::EventLoop& loop, transport::Transport transport,
              const protocol::FrameRules& rules, const connection::Connection::Terms& terms,
              base::PackedStrings request);
  ~ConnSession();

  /// The connection is gone.
  virtual void on_connection_ended() = 0;
  /// A coroutine goes on and on after the end: it will not be resumed any more.
  virtual void on_stuck() = 0;

  void begin(std::span<const std::uint8_t> already_read,
             std::optional<connection::CompressionTerms> compression);
  void say_goodbye(std::string_view reason);
  void say_goodbye(const engine::Farewell& farewell) {
    close_now(static_cast<ws::CloseCode>(farewell.close_code), farewell.reason);
  }
  /// Lets go of everything that belongs to the loop; nobody is told. What may still come is the end
  /// of coroutines, and ~ConnSession().
  void leave_loop();
  /// Siblings whose coroutine has ended are not needed any more. Not for a sibling to call.
  void drop_done_siblings();
  /// Whose lines in the log are this session's.
  virtual base::LogSubject log_subject() const {
    return {connection_.policy().log_server, request_[remote_address], request_[uri]};
  }
  void log(base::LogLevel level, std::string_view text) const;
  /// The handler's code may run as long as what is returned lives.
  engine::GuestBook::Visit visit_handler() {
    return {connection_.loop().guest_book(), connection_.policy().handler_name};
  }
  connection::Connection& connection() { return connection_; }
  /// The first reason counts.
  void note_end(metrics::Ender ender, ws::CloseCode code, std::string_view cause) {
    rare().end.note(ender, code, cause);
  }
  const connection::SessionEnd& session_end() const;

 private:
  using Read = ws::detail::OpState<std::optional<ws::Message>>;
  using NextReader = ws::detail::OpState<std::optional<ws::MessageReader>>;
  using ReadPiece = ws::detail::OpState<std::optional<std::string>>;
  using Write = ws::detail::OpState<ws::Error>;
  using Close = ws::detail::OpState<ws::CloseStatus>;
  using Arguments = ws::detail::OpArguments;
  using Bytes = std::span<const std::uint8_t>;
  using Prepared = std::shared_ptr<const ws::detail::Prepared>;

  // connection::Backend
  void on_piece(protocol::FramePiece& piece) override;
  void on_input_end() override;
  void on_violation(const protocol::Violation& violation) override;
  void on_drained() override;
  void on_due(connection::Due due) override;
  void on_ended(const connection::Ending& ending) override;
  void trace(std::string_view frame) override;

  // ws::Conn
  bool start(const Arguments& arguments, Read& read) override;
  bool start(const Arguments& arguments, NextReader& next_reader) override;
  bool start(const Arguments& arguments, ReadPiece& read_piece) override;
  bool start(const Arguments& arguments, Write& write) override;
  bool start(const Arguments& arguments, Close& close) override;
  void forget(Read& read) noexcept override { readers_.remove(read); }
  void forget(NextReader& next_reader) noexcept override;
  void forget(ReadPiece& read_piece) noexcept override;
  void forget(Write& write) noexcept override;
  void forget(Close& close) noexcept override;
  std::uint32_t new_writer_number() override { return ++rare().last_writer_number; }
  void abandon_writer(std::uint32_t number) noexcept override;

  // Receiving.
  void receive_control(protocol::FramePiece& piece);
  void receive_pong(const protocol::FramePiece& piece);
  void receive_close(Bytes payload);
  void tell(const ControlObserver& observer, std::string_view payload);
  void receive_data(protocol::FramePiece& piece);
  void receive_whole(protocol::FramePiece& piece);
  protocol::MessageAssembler make_assembler();
  void take_incoming(protocol::MessageAssembler::Result result);
  void serve_incoming();
  void serve_piece();
  bool someone_reads() const;
  std::optional<std::string> take_piece();
  bool drop_read_message();
  void stop_receiving();

  // Sending.
  std::size_t high_water_bytes() const { return connection_.policy().write_buffer_bytes; }
  bool start_ping(std::string_view payload, Write& write);
  bool start_closed(Write& write);
  bool must_be_held(const Arguments& arguments) const;
  ws::Error send(const Arguments& arguments);
  ws::Error send_fragment(const Arguments& arguments);
  void send_message(ws::MessageType type, std::string_view payload);
  void send_prepared(const ws::detail::Prepared& message);
  void end_outgoing();
  bool is_too_slow();
  connection::MessageCompression* compression_to_use() const {
    return write_compression_ ? compression_.get() : nullptr;
  }

  // The end.
  static ws::Error& closed_error();
  void set_over(ws::CloseStatus status, bool queue_is_lost = false);
  bool is_over() const { return rare_ && rare_->status; }
  bool may_fail_again();

  /// The message that is coming in, or has come and waits for someone to ask for it.
  struct Incoming {
    protocol::MessageAssembler assembler;
    bool is_whole = false;
    bool is_read_in_pieces = false;
    bool is_dropped = false;  ///< Nobody wants the rest.
  };
  /// What is to be sent once the message under way in fragments has ended.
  struct Held {
    Write* waiter = nullptr;  ///< Null: nobody waits for it.
    Arguments arguments{};
    Prepared published = nullptr;
  };
  struct SentPing {
    std::string payload;
    Write* waiter;
  };
  /// What few sessions need, or need for long.
  struct Rare {
    std::optional<ws::CloseStatus> status;  ///< Once no further message will be delivered.
    connection::SessionEnd end;
    // Operations that few sessions ever wait in.
    OpList<std::optional<ws::MessageReader>> next_readers;
    OpList<std::optional<std::string>> piece_readers;
    OpList<ws::Error> writers;
    OpList<ws::CloseStatus> closers;
    std::vector<SentPing> pings;
    std::unique_ptr<FragmentedMessage> outgoing;  ///< The one under way.
    std::list<Held> held;
    std::size_t held_bytes = 0;                   ///< Of those that nobody waits for.
    std::vector<std::uint32_t> finished_writers;  ///< That are still there.
    std::uint32_t last_writer_number = 0;
    std::uint32_t message_number = 0;  ///< Of the last message that was read in pieces.
    ControlObserver on_ping;
    ControlObserver on_pong;
    std::unique_ptr<ReadDeadline> read_deadline;
    std::vector<std::unique_ptr<Sibling>> siblings;
    std::vector<std::unique_ptr<SessionSubscription>> subscriptions;
    std::shared_ptr<SessionSender> sender;
  };
  Rare& rare();

  connection::Connection connection_;
  base::PackedStrings request_;
  std::unique_ptr<connection::MessageCompression> compression_;  // if it was agreed on
  std::unique_ptr<Incoming> incoming_;
  OpList<std::optional<ws::Message>> readers_;
  std::unique_ptr<Rare> rare_;
  std::uint32_t written_in_a_row_ = 0;  // since the last time the loop went on
  std::uint16_t failures_ = 0;          // operations after the end
  bool write_compression_ = true;
};

}  // namespace mod_ws::handler
