#pragma once

#include <cstdint>

#include "mod_ws/metrics/tally.h"
#include "mod_ws/protocol/opcode.h"

namespace mod_ws::connection {

/// What one connection has carried. Counted on its loop, and read there.
struct Traffic {
  std::uint64_t received_bytes = 0;  ///< Frames as they come, headers included; below TLS.
  std::uint64_t received_messages = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_messages = 0;
};

/// Counts what goes through a connection: in its loop's tally of all sessions of a kind, and for
/// itself where somebody wants to know. `role` is the connection's own: a server's peer is the
/// sessions' client.
class Meter {
 public:
  /// `traffic` may be null.
  Meter(metrics::Tally& tally, Traffic* traffic) : tally_(tally), traffic_(traffic) {}

  metrics::Tally& tally() const { return tally_; }

  void count_received(protocol::Role role, std::uint64_t bytes, std::uint64_t messages) {
    peer(role).received_bytes.add(bytes);
    peer(role).received_messages.add(messages);
    if (traffic_ == nullptr) return;
    traffic_->received_bytes += bytes;
    traffic_->received_messages += messages;
  }
  void count_received_ping(protocol::Role role) { peer(role).received_pings.add(); }

  void count_sent_bytes(protocol::Role role, std::uint64_t bytes) {
    peer(role).sent_bytes.add(bytes);
    if (traffic_ != nullptr) traffic_->sent_bytes += bytes;
  }
  /// By a frame's first byte: the last one of a message, or a ping.
  void count_sent(protocol::Role role, protocol::Opcode opcode, bool fin) {
    if (opcode == protocol::Opcode::ping) peer(role).sent_pings.add();
    if (!fin || is_control(opcode)) return;
    peer(role).sent_messages.add();
    if (traffic_ != nullptr) ++traffic_->sent_messages;
  }

  void count_queued(protocol::Role role, std::uint64_t bytes) {
    peer(role).queued_bytes.add(bytes);
  }
  void count_unqueued(protocol::Role role, std::uint64_t bytes) {
    peer(role).queued_bytes.subtract(bytes);
  }

 private:
  metrics::Tally::Peer& peer(protocol::Role role) {
    return role == protocol::Role::server ? tally_.client : tally_.backend;
  }

  metrics::Tally& tally_;
  Traffic* traffic_;
};

}  // namespace mod_ws::connection
