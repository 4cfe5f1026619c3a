#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/base/log.h"
#include "mod_ws/base/packed_strings.h"
#include "mod_ws/connection/connection.h"
#include "mod_ws/engine/resident.h"

namespace mod_ws::proxy {

/// What the two opening handshakes agreed on for one session.
struct RelayTerms {
  const connection::Policy& policy;
  std::uint8_t allowed_rsv = 0;  ///< Of the extensions both legs agreed on.
  std::string worker;  ///< The backend's name in the configuration: "ws://127.0.0.1:9000".
  std::string client;  ///< Its address: "192.0.2.7:51522".
  std::string uri;
  const void* log_server = nullptr;  ///< See base::LogSubject.
  std::vector<std::uint8_t> already_read_client;
  std::vector<std::uint8_t> already_read_backend;
};

/// A session between a client and a backend. Frames are forwarded as they are, still masked, from
/// the loop's receive buffer: only headers are looked at. Each leg is read only as fast as the
/// other one takes.
class Relay final : public engine::Resident {
 public:
  Relay(engine::EventLoop& loop, transport::Transport client, transport::Transport backend,
        RelayTerms terms);

  void on_adopted() override;
  void go_away() override;

 private:
  /// One of the two connections: what it receives, it forwards to the other.
  class Leg final : public connection::Backend {
   public:
    Leg(engine::EventLoop& loop, transport::Transport transport, protocol::Role role,
        const RelayTerms& terms, Relay& relay, Leg& other);

    void on_piece(protocol::FramePiece& piece) override;
    void on_input_end() override { forward_run(); }
    void on_violation(const protocol::Violation& violation) override;
    void on_drained() override { other_.connection_.resume_reading(); }
    void on_ended(const connection::Ending& ending) override;

    /// Sends a Close frame of our own: at once, or when the frame of the other leg's that is under
    /// way to this one has ended. Then either waits for the peer's answer or, when it has broken
    /// the protocol, ends the connection.
    enum class AfterClose : std::uint8_t { await_answer, finish };
    void close(ws::CloseStatus status, AfterClose after);

    /// The closing handshake is complete: ends the connection.
    void finish_if_complete();

    bool is_closing() const { return connection_.closing().sent() || pending_close_; }
    /// The status the peer closed with, once it has.
    const std::optional<ws::CloseCode>& received_code() const { return received_code_; }

    connection::Connection connection_;

   private:
    void receive_close(protocol::FramePiece& piece);
    void forward(std::span<const std::uint8_t> raw);
    void forward_run();
    void send_pending_close();

    Relay& relay_;
    Leg& other_;
    std::span<const std::uint8_t> run_;  // contiguous bytes to forward; empty between reads
    std::unique_ptr<ws::CloseStatus> pending_close_;
    AfterClose after_close_ = AfterClose::await_answer;
    std::optional<ws::CloseCode> received_code_;
  };

  void on_violation(Leg& offender, const protocol::Violation& violation);
  void on_leg_ended(Leg& leg, const connection::Ending& ending);
  void log_lost(const Leg& lost, const connection::Ending& ending) const;
  bool is_backend(const Leg& leg) const { return &leg == &backend_; }
  std::string name_of(const Leg& leg) const;
  std::string closing_of(const Leg& leg) const;
  Leg& other_of(const Leg& leg) { return &leg == &client_ ? backend_ : client_; }

  void log(base::LogLevel level, std::string_view text) const;

  /// What the two peers sent before the engine had their connections.
  struct Early {
    std::vector<std::uint8_t> client;
    std::vector<std::uint8_t> backend;
  };

  base::PackedStrings names_;
  const void* log_server_;
  std::unique_ptr<Early> early_;  // until the session is adopted
  Leg client_;
  Leg backend_;
};

}  // namespace mod_ws::proxy
