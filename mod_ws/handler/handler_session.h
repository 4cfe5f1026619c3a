#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/connection/session_record.h"
#include "mod_ws/engine/resident.h"
#include "mod_ws/handler/conn_session.h"
#include "ws/handler.h"

namespace mod_ws::handler {

/// What the opening handshake agreed on for one session.
struct HandlerTerms {
  std::function<ws::Task<>(ws::Conn&)> handler;
  const connection::Policy& policy;
  std::string uri;
  std::string remote_address;
  std::string user;
  std::string subprotocol;
  std::vector<std::string> kept_headers = {};    ///< Each name before its value.
  metrics::Tally& tally = metrics::uncounted();  ///< The loop's own.
  std::vector<std::uint8_t> already_read;        ///< What the client sent right behind its request.
  std::optional<connection::CompressionTerms> compression = std::nullopt;
  std::unique_ptr<connection::SessionRecord> record = nullptr;  ///< Null: nobody asks.
};

/// A session that an in-process handler serves: one connection and one coroutine.
class HandlerSession final : public engine::Resident, public ConnSession {
 public:
  /// Any thread.
  HandlerSession(engine::EventLoop& loop, transport::Transport transport, HandlerTerms terms);
  ~HandlerSession() override;

  void on_adopted() override;
  void go_away(const engine::Farewell& farewell) override { say_goodbye(farewell); }

 private:
  void on_task_done() noexcept override;
  void on_connection_ended() override { retire_if_done(); }
  void on_stuck() override;
  void run_handler(const std::function<ws::Task<>(ws::Conn&)>& handler);
  void retire_if_done();

  /// What on_adopted() needs.
  struct Start {
    std::function<ws::Task<>(ws::Conn&)> handler;
    std::vector<std::uint8_t> already_read;
    std::optional<connection::CompressionTerms> compression;
  };

  bool task_done_ = false;
  std::unique_ptr<Start> start_;                       // until the session is adopted
  std::unique_ptr<connection::SessionRecord> record_;  // the connection counts in it
  ws::Task<> task_;  // last: its frame is destroyed first, and its operations are forgotten
};

}  // namespace mod_ws::handler
