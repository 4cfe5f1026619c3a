#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mod_ws/connection/connection.h"
#include "mod_ws/engine/resident.h"
#include "tests/support/loop_thread.h"
#include "tests/support/parsing.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

/// A connection, and a backend that notes down what it is told. All on the loop's thread.
class RecordingSession final : public engine::Resident, public connection::Backend {
 public:
  RecordingSession(engine::EventLoop& loop, transport::Transport transport,
                   const protocol::FrameRules& rules, const connection::Policy& policy,
                   Bytes already_read, connection::Framing framing)
      : policy_(policy),
        already_read_(std::move(already_read)),
        connection(loop, std::move(transport), rules,
                   {.policy = policy_, .framing = framing, .meter = {tally, &traffic}}, *this) {}

  void on_adopted() override { connection.start(already_read_); }
  void go_away(const engine::Farewell&) override {}

  void on_piece(protocol::FramePiece& piece) override {
    if (ended_) ++calls_after_end;
    if (on_raw_piece) on_raw_piece(piece);
    piece.unmask();
    if (piece.starts_frame) frames.push_back({piece.opcode, piece.fin, piece.rsv, {}});
    Bytes& payload = frames.back().payload;
    payload.insert(payload.end(), piece.payload.begin(), piece.payload.end());
    if (piece.ends_frame) ++whole_frames;
    if (on_frame && piece.ends_frame) on_frame(frames.back());
  }
  void on_input_end() override { ++input_ends; }
  void on_violation(const protocol::Violation& found) override { violations.push_back(found); }
  void on_peer_finished() override { ++peer_finishes; }
  void on_drained() override {
    if (ended_) ++calls_after_end;
    ++drained;
  }
  void trace(std::string_view frame) override { traces.emplace_back(frame); }
  void on_due(connection::Due due) override {
    dues.push_back(due);
    if (on_due_call) on_due_call(due);
  }
  void on_ended(const connection::Ending& with) override {
    if (ended_) ++calls_after_end;
    ended_ = true;
    ending = with;
  }

 private:
  connection::Policy policy_;
  Bytes already_read_;
  bool ended_ = false;

 public:
  std::function<void(const SeenFrame&)> on_frame;
  std::function<void(const protocol::FramePiece&)> on_raw_piece;
  std::function<void(connection::Due)> on_due_call;
  std::vector<connection::Due> dues;
  std::vector<std::string> traces;
  metrics::Tally tally{};
  connection::Traffic traffic;
  std::vector<SeenFrame> frames;
  std::vector<protocol::Violation> violations;
  std::optional<connection::Ending> ending;
  std::size_t whole_frames = 0;
  int input_ends = 0;
  int drained = 0;
  int peer_finishes = 0;
  int calls_after_end = 0;
  connection::Connection connection;  // last: uses what stands before it
};

struct SessionOptions {
  protocol::FrameRules rules{};
  connection::Policy policy{};
  int buffer_bytes = 0;
  Bytes already_read{};
  connection::Framing framing = connection::Framing::frames;
};

/// A recording session on a loop's thread, and its peer here.
class SessionOnLoop {
 public:
  explicit SessionOnLoop(const SessionOptions& options = {}) : peer(base::UniqueFd()) {
    SocketPair pair = make_socket_pair(options.buffer_bytes);
    peer = Peer(std::move(pair.theirs));
    auto session = std::make_unique<RecordingSession>(
        thread.loop(), transport::Transport(std::move(pair.ours)), options.rules, options.policy,
        options.already_read, options.framing);
    session_ = session.get();
    thread.loop().post_adoption(std::move(session));
  }

  /// Runs `work` with the session, on the loop's thread.
  template <class Work>
  auto with(Work work) {
    return thread.call([this, &work] { return work(*session_); });
  }
  bool wait_until(const std::function<bool(RecordingSession&)>& condition) {
    return thread.wait_until([&] { return condition(*session_); });
  }
  bool wait_for_frames(std::size_t count) {
    return wait_until([count](RecordingSession& session) { return session.whole_frames >= count; });
  }
  /// The cause the session ended with; nothing if it does not end.
  std::optional<connection::Ending::Cause> wait_for_end() {
    if (!wait_until([](RecordingSession& session) { return session.ending.has_value(); }))
      return std::nullopt;
    return with([](RecordingSession& session) { return session.ending->cause; });
  }

  Peer peer;
  LoopThread thread;  // last: nothing outlives its loop

 private:
  RecordingSession* session_ = nullptr;
};

inline Bytes text_frame(std::string_view text) { return frame({}, text); }

inline SeenFrame seen_text(std::string_view text) {
  return {protocol::Opcode::text, true, 0, bytes_of(text)};
}

inline std::vector<SeenFrame> frames_of(SessionOnLoop& session) {
  return session.with([](RecordingSession& it) { return it.frames; });
}

}  // namespace mod_ws::tests
