#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/engine/event_loop.h"
#include "mod_ws/engine/resident.h"
#include "mod_ws/handler/dial_plan.h"
#include "mod_ws/handler/head_exchange.h"
#include "mod_ws/handler/offload_pool.h"
#include "mod_ws/protocol/response_body_start.h"
#include "mod_ws/transport/address.h"
#include "mod_ws/transport/tls_client.h"
#include "mod_ws/transport/transport.h"
#include "ws/dialer.h"

namespace mod_ws::handler {

/// The way to one dialed connection: addresses, TCP or UNIX socket, tunnel, TLS, opening handshake.
/// It lives on its loop until there is a result, or nobody waits for one.
class DialAttempt final : public engine::Resident, engine::Watcher, engine::Timer {
 public:
  /// May block; on a thread of the pool.
  using Resolver =
      std::function<transport::Resolution(const std::string& host, std::uint16_t port)>;

  /// The loop's thread. `pool` is used here only.
  static ws::Pending<ws::DialResult> begin(engine::EventLoop& loop, OffloadPool& pool,
                                           DialPlan plan, Resolver resolver = transport::resolve);
  ~DialAttempt() override;

 private:
  class Outcome;
  struct Preparation;
  using Kind = ws::DialError::Kind;
  enum class Phase : std::uint8_t {
    preparing,   // addresses are looked up, and TLS's files read
    connecting,  // to one of them
    tunnelling,  // the proxy is asked to connect
    securing,    // TLS handshake
    opening,     // opening handshake
    refused,     // reads why
    over,
  };

  DialAttempt(engine::EventLoop& loop, DialPlan plan, std::shared_ptr<Outcome> outcome);

  // engine::Resident
  void on_adopted() override;
  void go_away(const engine::Farewell& farewell) override;
  // engine::Watcher
  void on_ready(engine::Readiness ready) override;
  // engine::Timer
  void on_timer() override;

  void prepare(OffloadPool& pool, Resolver resolver);
  void on_prepared(Preparation& preparation);
  void connect_next();
  void on_connect_ended();
  void on_connected();
  void secure();
  void go_on_securing();
  void begin_exchange(Phase phase, std::string request);
  void go_on_exchanging();
  void on_answer();
  void on_tunnel();
  void read_refusal();

  void succeed(const DialAgreement& agreement);
  void finish_refused();
  void fail(Kind kind, std::string_view what);
  void take_head(protocol::ResponseHead& head);
  void finish();
  void end();

  void wait_for(engine::Interest interest, int fd);
  void stop_watching();
  void set_deadline_timer();
  const protocol::UrlAuthority& first_hop() const;
  std::string proxy_name() const;

  engine::EventLoop& loop_;
  DialPlan plan_;
  const char* handler_name_;  // who dials
  std::shared_ptr<Outcome> outcome_;
  std::shared_ptr<Preparation> preparation_;
  std::shared_ptr<void> wants_preparation_;  // of the pool, where it waits
  Phase phase_ = Phase::preparing;
  bool goes_away_ = false;
  std::optional<engine::Clock::time_point> deadline_;
  int watched_fd_ = -1;

  std::vector<transport::Address> addresses_;
  std::size_t next_address_ = 0;  // of those that have not been tried
  std::string connect_error_;     // of the last one tried
  transport::SslContextPtr tls_context_;

  // One of these has the socket.
  base::UniqueFd connecting_;
  std::unique_ptr<transport::TlsClientHandshake> tls_;
  std::optional<transport::Transport> transport_;

  std::optional<HeadExchange> exchange_;
  std::optional<protocol::ResponseBodyStart> body_;
  ws::DialResult result_;
};

}  // namespace mod_ws::handler
