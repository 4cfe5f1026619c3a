#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/base/log.h"
#include "mod_ws/base/packed_strings.h"
#include "mod_ws/connection/session_record.h"
#include "mod_ws/engine/resident.h"
#include "mod_ws/proxy/leg.h"

namespace mod_ws::proxy {

/// What the two opening handshakes agreed on for one session.
struct RelayTerms {
  const connection::Policy& policy;
  std::uint8_t allowed_rsv = 0;  ///< Of the extensions both sides agreed on with each other.
  /// permessage-deflate that both sides agreed on with each other, where messages are to be
  /// checked.
  std::optional<connection::CompressionTerms> passed_compression = std::nullopt;
  /// permessage-deflate that one side agreed on with us.
  std::optional<connection::CompressionTerms> client_compression = std::nullopt;
  std::optional<connection::CompressionTerms> backend_compression = std::nullopt;
  /// The backend speaks no WebSocket: what it sends becomes binary messages, and what comes in
  /// messages is sent to it.
  bool backend_is_byte_stream = false;
  bool client_speaks_base64 = false;  ///< Its messages are text then.
  std::string worker;  ///< The backend's name in the configuration: "ws://127.0.0.1:9000".
  std::string client;  ///< Its address: "192.0.2.7:51522".
  std::string uri;
  metrics::Tally* tally = &metrics::uncounted();  ///< The loop's own.
  std::vector<std::uint8_t> already_read_client;
  std::vector<std::uint8_t> already_read_backend;
  std::unique_ptr<connection::SessionRecord> record = nullptr;  ///< Null: nobody asks.
};

/// A session between a client and a backend. Each leg is read only as fast as the other one takes.
class Relay final : public engine::Resident, Leg::Owner {
 public:
  /// Any thread.
  Relay(engine::EventLoop& loop, transport::Transport client, transport::Transport backend,
        RelayTerms terms);
  ~Relay() override;

  void on_adopted() override;
  void go_away(const engine::Farewell& farewell) override;

 private:
  void on_leg_closed(const Leg& leg) override;
  void on_leg_violation(Leg& offender, const protocol::Violation& violation) override;
  void on_leg_too_slow(Leg& leg) override;
  void on_leg_drops(Leg& leg) override;
  void on_leg_due(connection::Due due) override;
  void on_leg_ended(Leg& leg, const connection::Ending& ending) override;
  void on_leg_trace(const Leg& leg, std::string_view frame) override;

  void set_up_messages();
  void close_both(ws::CloseStatus status);
  void note_ended(const Leg& leg, const connection::Ending& ending, bool expected);
  void end_other_of(const Leg& leg, bool expected);
  void log_lost(const Leg& lost, const connection::Ending& ending) const;
  void log_trouble(const Leg& leg, std::string_view trouble, std::string_view detail = {}) const;
  void log_end() const;
  bool is_backend(const Leg& leg) const { return &leg == &backend_; }
  std::string name_of(const Leg& leg) const;
  metrics::Ender ender_of(const Leg& leg) const;
  std::string closing_of(const Leg& leg) const;
  Leg& other_of(const Leg& leg) { return &leg == &client_ ? backend_ : client_; }

  void log(base::LogLevel level, std::string_view text) const;

  base::PackedStrings names_;
  connection::SessionEnd end_;
  std::unique_ptr<connection::SessionRecord> record_;  // the legs count in it
  std::unique_ptr<RelayTerms> terms_;                  // until the session is adopted
  Leg client_;
  Leg backend_;
};

}  // namespace mod_ws::proxy
