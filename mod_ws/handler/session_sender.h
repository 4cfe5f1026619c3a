#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "mod_ws/engine/event_loop.h"
#include "ws/runtime.h"

namespace mod_ws::handler {

class ConnSession;

/// What stands behind the ws::Senders of one session, and may outlive it. Each message is a letter
/// to the session's loop.
class SessionSender final : public ws::detail::SenderTarget,
                            public std::enable_shared_from_this<SessionSender> {
 public:
  /// `limit_bytes`: as many that are on their way, or wait for the peer, are enough.
  SessionSender(ConnSession& session, engine::EventLoop& loop, std::uint64_t limit_bytes)
      : session_(&session), loop_(loop), limit_bytes_(limit_bytes) {}

  // Any thread.
  ws::Error send(std::shared_ptr<const ws::detail::Prepared> message) override;
  void close(ws::CloseStatus status) override;

  // The loop's thread.

  /// So much waits for the peer to take it.
  void note_queued(std::size_t bytes) { queued_bytes_.store(bytes, std::memory_order_relaxed); }

  /// The session sends nothing more.
  void detach() {
    session_ = nullptr;
    is_over_.store(true, std::memory_order_relaxed);
  }

 private:
  ConnSession* session_;  // the loop's thread only
  engine::EventLoop& loop_;
  std::uint64_t limit_bytes_;
  std::atomic<std::uint64_t> bytes_under_way_{0};
  std::atomic<std::uint64_t> queued_bytes_{0};
  std::atomic<bool> is_over_{false};
};

}  // namespace mod_ws::handler
