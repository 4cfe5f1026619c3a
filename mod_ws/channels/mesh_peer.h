#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mod_ws/channels/mesh_frame.h"
#include "mod_ws/connection/write_queue.h"
#include "mod_ws/engine/event_loop.h"
#include "mod_ws/transport/transport.h"

namespace mod_ws::channels {

/// The connection to one other member of the mesh. On the mesh's loop.
class MeshPeer final : engine::Watcher {
 public:
  class Owner {
   public:
    virtual void on_mesh_frame(MeshPeer& from, const MeshFrame& frame) = 0;
    /// Nothing is queued any more.
    virtual void on_queue_sent() = 0;
    /// The other process is no more.
    virtual void on_peer_gone(MeshPeer& peer) = 0;

   protected:
    ~Owner() = default;
  };

  MeshPeer(engine::EventLoop& loop, base::UniqueFd socket, Owner& owner);
  ~MeshPeer() override;

  /// Sends a serialized frame, or queues it.
  void send(std::span<const std::uint8_t> frame);

  std::size_t queued_bytes() const { return queue_.size(); }
  bool is_gone() const { return is_gone_; }

 private:
  void on_ready(engine::Readiness ready) override;
  void read();
  void receive(std::span<const std::uint8_t> bytes);
  void write_queued();
  void fail();
  void end();

  engine::EventLoop& loop_;
  transport::Transport socket_;
  Owner& owner_;
  connection::WriteQueue queue_;
  std::vector<std::uint8_t> part_;  // of a frame that has not come whole
  bool is_gone_ = false;
};

}  // namespace mod_ws::channels
