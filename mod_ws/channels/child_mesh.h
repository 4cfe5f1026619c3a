#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "mod_ws/base/rare_line.h"
#include "mod_ws/channels/bus.h"
#include "mod_ws/channels/mesh_peer.h"
#include "mod_ws/channels/mesh_table.h"
#include "mod_ws/engine/event_loop.h"

namespace mod_ws::channels {

/// The bus that needs no server: each process of the httpd has a UNIX socket to each other one. A
/// publication goes to all of them, whoever subscribes there: one system call a process.
class ChildMesh final : public Bus, engine::Watcher, engine::Timer, MeshPeer::Owner {
 public:
  /// A process that has not taken so much gets no further publications until it has.
  static constexpr std::size_t max_queued_bytes = 64 << 20;

  /// Joins at once. The loop runs the mesh and outlives it.
  ChildMesh(MeshTable& table, engine::EventLoop& loop);
  ~ChildMesh() override;

  /// Whether there is a listener; else this process is alone. With errno at construction.
  bool has_joined() const { return static_cast<bool>(membership_.listener); }

  // Bus
  void start(Receiver& receiver) override;
  void publish(SharedPublication publication) override;
  void count_elsewhere(std::string_view channel, Counted counted) override;
  void ask_elsewhere(std::string_view request, Answered answered) override;
  void flush(std::chrono::milliseconds patience) override;

 private:
  class Question;
  /// How it learns of new members.
  enum class Accepting : std::uint8_t { not_yet, by_event, by_timer };

  void on_ready(engine::Readiness) override { accept_waiting(); }
  void on_timer() override { accept_waiting(); }
  void on_mesh_frame(MeshPeer& from, const MeshFrame& frame) override;
  void on_queue_sent() override { end_flushes(); }
  void on_peer_gone(MeshPeer& peer) override;

  void take_up();
  void add_peer(base::UniqueFd socket);
  void welcome_new_members();
  void accept_waiting();
  void watch_listener();
  void try_again_later(int error);
  void send_to_all(const MeshFrame& frame);
  void note_left_out();
  void end_flushes();
  using Ended = std::function<void(std::size_t sum, std::vector<std::string> replies)>;
  void ask(MeshFrame frame, Ended ended);
  void end_question(std::uint32_t number);
  void reply(const MeshPeer& to, const MeshFrame& request);
  void take_answer(const MeshFrame& frame);

  MeshTable& table_;
  engine::EventLoop& loop_;
  MeshTable::Membership membership_;
  Receiver* receiver_ = nullptr;
  std::uint64_t welcomed_ = 0;  // of MeshTable::joined()
  Accepting accepting_ = Accepting::not_yet;
  std::vector<std::shared_ptr<MeshPeer>> peers_;
  std::vector<std::unique_ptr<Question>> questions_;
  std::uint32_t last_question_ = 0;
  std::vector<std::shared_ptr<std::promise<void>>> flushes_;
  base::RareLine left_out_;  // for a peer that takes too little
};

}  // namespace mod_ws::channels
