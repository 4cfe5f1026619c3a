#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/engine/resident.h"
#include "mod_ws/handler/conn_session.h"
#include "ws/dialer.h"

namespace mod_ws::handler {

/// What the opening handshake with a server came to.
struct DialedTerms {
  std::string url;             ///< For the log.
  std::string target;          ///< Path and query.
  std::string remote_address;  ///< "192.0.2.7:443"
  std::string subprotocol;
  std::uint64_t read_limit_bytes;  ///< 0: any.
  std::optional<connection::CompressionTerms> compression;
  std::vector<std::uint8_t> already_read;  ///< What the server sent right behind its 101.
};

/// Stands before ConnSession, so that the policy is there first and goes last.
struct DialedPolicy {
  connection::Policy policy;
};

/// The client's side of a connection. It lives as long as its loop has it, which is until the
/// connection has ended and nobody holds the handle; and as long as the handle is held, even when
/// the loop has gone: coroutines may end after that.
class DialedSession final : DialedPolicy, public ConnSession {
 public:
  /// Begins a session on the loop, whose thread this is.
  static ws::Client open(engine::EventLoop& loop, transport::Transport transport,
                         DialedTerms terms);

  DialedSession(engine::EventLoop& loop, transport::Transport transport, const DialedTerms& terms);

 private:
  /// What the loop has of a session.
  class Resident;

  static void abandon(ws::Conn& conn) noexcept;
  void retire();

  void on_task_done() noexcept override {}  // it has siblings only
  void on_connection_ended() override;
  void on_stuck() override;
  base::LogSubject log_subject() const override { return {nullptr, {}, url_}; }

  std::string url_;
  Resident* resident_ = nullptr;           // null once the loop has let go
  std::shared_ptr<DialedSession> handle_;  // this, while somebody holds the ws::Client
};

}  // namespace mod_ws::handler
