#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/base/log.h"
#include "mod_ws/base/packed_strings.h"
#include "mod_ws/connection/connection.h"
#include "mod_ws/connection/message_compression.h"
#include "mod_ws/connection/session_record.h"
#include "mod_ws/engine/resident.h"
#include "mod_ws/handler/op_list.h"
#include "mod_ws/protocol/message_assembler.h"
#include "ws/handler.h"

namespace mod_ws::handler {

/// What the opening handshake agreed on for one session.
struct HandlerTerms {
  ws::HandlerFunction handler;
  const connection::Policy& policy;
  std::string uri;
  std::string remote_address;
  std::string user;
  std::string subprotocol;
  const void* log_server = nullptr;        ///< See base::LogSubject.
  std::vector<std::uint8_t> already_read;  ///< What the client sent right behind its request.
  std::optional<connection::CompressionTerms> compression = std::nullopt;
  std::unique_ptr<connection::SessionRecord> record = nullptr;  ///< Null: nobody counts.
};

/// A session that an in-process handler serves: one connection and one coroutine. What only some
/// sessions need, and only for a while, is allocated when it is needed: there may be very many that
/// do nothing.
class HandlerSession final : public engine::Resident, connection::Backend, ws::Conn {
 public:
  /// Any thread.
  HandlerSession(engine::EventLoop& loop, transport::Transport transport, HandlerTerms terms);

  void on_adopted() override;
  void go_away() override;

 private:
  /// A client that does not take this much is waited for: writers are held back, and nothing more
  /// is read from it.
  static constexpr std::size_t high_water_bytes = 64 << 10;

  using Read = ws::detail::OpState<std::optional<ws::Message>>;
  using NextReader = ws::detail::OpState<std::optional<ws::MessageReader>>;
  using ReadPiece = ws::detail::OpState<std::optional<std::string>>;
  using Write = ws::detail::OpState<ws::Error>;
  using Close = ws::detail::OpState<ws::CloseStatus>;
  using Arguments = ws::detail::OpArguments;

  // connection::Backend
  void on_piece(protocol::FramePiece& piece) override;
  void on_input_end() override {}
  void on_violation(const protocol::Violation& violation) override;
  void on_drained() override;
  void on_due(connection::Due due) override;
  void on_ended(const connection::Ending& ending) override;

  // ws::Conn
  bool start(const Arguments& arguments, Read& read) override;
  bool start(const Arguments& arguments, NextReader& next_reader) override;
  bool start(const Arguments& arguments, ReadPiece& read_piece) override;
  bool start(const Arguments& arguments, Write& write) override;
  bool start(const Arguments& arguments, Close& close) override;
  void forget(Read& read) noexcept override { readers_.remove(read); }
  void forget(NextReader& next_reader) noexcept override {
    rare().next_readers.remove(next_reader);
  }
  void forget(ReadPiece& read_piece) noexcept override { rare().piece_readers.remove(read_piece); }
  void forget(Write& write) noexcept override { rare().writers.remove(write); }
  void forget(Close& close) noexcept override { rare().closers.remove(close); }
  ws::Request request() const override;
  std::string_view subprotocol() const override;
  const ws::CloseStatus& close_status() const override;
  std::size_t buffered_amount() const override { return connection_.queued_bytes(); }
  void on_task_done() noexcept override;

  void say_goodbye(std::string_view reason);
  void run_handler(ws::HandlerFunction handler);
  void receive_control(protocol::FramePiece& piece);
  void receive_close(std::span<const std::uint8_t> payload);
  void receive_data(protocol::FramePiece& piece);
  void receive_whole(protocol::FramePiece& piece);
  protocol::MessageAssembler make_assembler();
  void take_incoming(protocol::MessageAssembler::Result result);
  void serve_incoming();
  void serve_piece();
  bool someone_reads() const;
  std::optional<std::string> take_piece();
  bool drop_read_message();
  void send_message(ws::MessageType type, std::string_view payload);
  void set_over(ws::CloseStatus status);
  bool is_over() const { return rare_ && rare_->status; }
  void stop_receiving();
  bool may_fail_again();
  void retire_if_done();
  void log(base::LogLevel level, std::string_view text) const;

  /// What run_handler() needs, until it has run.
  struct Start {
    ws::HandlerFunction handler;
    std::vector<std::uint8_t> already_read;
    std::optional<connection::CompressionTerms> compression;
  };

  /// The message that is coming in, or has come and waits for someone to ask for it.
  struct Incoming {
    protocol::MessageAssembler assembler;
    bool is_whole = false;
    bool is_read_in_pieces = false;
    bool is_dropped = false;  ///< Nobody wants the rest.
  };
  /// What few sessions need, or need for long.
  struct Rare {
    std::unique_ptr<Start> start;
    std::optional<ws::CloseStatus> status;  ///< Once no further message will be delivered.
    // Operations that few sessions ever wait in.
    OpList<std::optional<ws::MessageReader>> next_readers;
    OpList<std::optional<std::string>> piece_readers;
    OpList<ws::Error> writers;
    OpList<ws::CloseStatus> closers;
    std::uint32_t message_number = 0;  ///< Of the last message that was read in pieces.
  };
  Rare& rare();

  connection::Connection connection_;
  base::PackedStrings request_;
  const void* log_server_;
  std::unique_ptr<connection::SessionRecord> record_;
  std::unique_ptr<connection::MessageCompression> compression_;  // if it was agreed on
  std::unique_ptr<Incoming> incoming_;
  OpList<std::optional<ws::Message>> readers_;
  std::unique_ptr<Rare> rare_;
  std::uint32_t written_in_a_row_ = 0;  // since the last time the loop went on
  bool task_done_ = false;
  std::uint16_t failures_ = 0;  // operations after the end
  ws::Task<> task_;  // last: its frame is destroyed first, and its operations are forgotten
};

}  // namespace mod_ws::handler
