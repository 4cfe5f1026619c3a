#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "mod_ws/connection/backend.h"
#include "mod_ws/connection/deadlines.h"
#include "mod_ws/connection/meter.h"
#include "mod_ws/connection/policy.h"
#include "mod_ws/connection/write_queue.h"
#include "mod_ws/engine/event_loop.h"
#include "mod_ws/protocol/closing_handshake.h"
#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/transport/transport.h"

namespace mod_ws::connection {

/// What a connection's bytes are.
enum class Framing : std::uint8_t {
  frames,  ///< RFC 6455.
  none,    ///< A plain byte stream. Each read is given on as a binary message; of what is sent, the
           ///< payload of data frames; a Close frame ends our side.
};

/// One WebSocket connection on its loop: reads, cuts into frames, hands to the backend; writes,
/// queues what the kernel does not take. An idle one holds no buffers. It may be constructed on any
/// thread; everything else is on the loop's.
class Connection final : engine::Timer, engine::Watcher {
 public:
  /// What a connection is made for; all of it outlives it.
  struct Terms {
    const Policy& policy;
    Framing framing = Framing::frames;
    Meter meter{metrics::uncounted(), nullptr};  ///< The tally is the loop's own.
  };

  /// `rules.role` is ours: a client masks what it sends. `backend` outlives the connection.
  Connection(engine::EventLoop& loop, transport::Transport transport,
             const protocol::FrameRules& rules, const Terms& terms, Backend& backend);
  ~Connection();

  /// Begins. `already_read` are the session's first bytes, if any came before the engine did.
  void start(std::span<const std::uint8_t> already_read);

  // Sending. In order; the bytes are copied where they cannot leave at once. Nothing is sent after
  // a Close frame.

  /// What a frame's first byte says besides its opcode.
  struct FrameBits {
    bool fin = true;
    std::uint8_t rsv = 0;  ///< rsv1_bit on the first frame of a compressed message.
  };

  /// One frame, gathered with others of the same turn.
  void send_frame(protocol::Opcode opcode, std::span<const std::uint8_t> payload,
                  FrameBits bits = {.fin = true, .rsv = 0});

  /// One frame that has been serialized already, gathered with others of the same turn.
  void send_serialized(std::span<const std::uint8_t> frame);

  /// Whole or partial frames exactly as they are; the caller keeps the order of frames, and says
  /// what is in them.
  void send_verbatim(std::span<const std::uint8_t> bytes);
  void note_sent(const protocol::FramePiece& piece) {
    if (!is_control(piece.opcode)) deadlines_.on_data(loop_.tick());
    if (piece.ends_frame) meter_.count_sent(role(), piece.opcode, piece.fin);
  }

  /// A Close frame, once; from then on the close timeout runs. A code that may not be sent gives an
  /// empty Close frame.
  void send_close(ws::CloseCode code, std::string_view reason);

  /// Asks the peer whether it is still there; its answer is is_own_pong().
  void ping();
  void put_off_ping() { deadlines_.on_ping(loop_.tick(), false); }

  /// As if send_close() had been called: a Close frame has left by send_verbatim().
  void note_close_sent();

  std::size_t queued_bytes() const { return queue_.size(); }

  // Receiving.

  void pause_reading();
  void resume_reading();
  /// Drops whatever else the peer sends, but sees its end.
  void discard_input();
  void note_close_received() { closing_.on_received(); }
  /// An answer to ping(), and to nobody else's.
  bool is_own_pong(const protocol::FramePiece& piece) const;
  const protocol::ClosingHandshake& closing() const { return closing_; }
  /// Inside a frame of the peer's whose payload has not come whole.
  bool mid_frame() const { return parser_.mid_frame(); }
  std::uint64_t frame_bytes_left() const { return parser_.frame_bytes_left(); }

  // Ending.

  /// From here on the close timeout runs, and no other. It does anyway once a Close frame has left;
  /// this is for one that has to wait.
  void start_close_timeout();

  /// Sends what is queued, as long as the peer takes of it, ends our side, and waits for the peer's
  /// end, at most the close timeout. Then on_ended(finished). A server whose closing handshake is
  /// complete ends its side first, if it does so soon.
  void finish();

  /// The peer has no claim on what is queued for it: from now on closing ends when the close
  /// timeout does.
  void hurry();

  /// Closes the socket now, without on_ended().
  void abort();

  bool ended() const { return state_ == State::ended; }

  /// Neither ended nor about to, no write has failed, and no Close frame was sent.
  bool may_send_data() const {
    return state_ == State::open && !ends_soon_ && closing_.may_send_data();
  }

  /// Calls Backend::on_drained() in the loop's next turn, if the queue is empty then.
  void call_drained_soon();

  protocol::Role role() const { return parser_.role(); }
  bool is_byte_stream() const { return framing_ == Framing::none; }
  engine::EventLoop& loop() const { return loop_; }
  const Policy& policy() const { return policy_; }
  metrics::Tally& tally() const { return meter_.tally(); }
  bool has_started() const { return started_; }
  /// How long ago it has started.
  std::chrono::milliseconds age() const { return deadlines_.age(loop_.tick()); }

 private:
  enum class State : std::uint8_t { open, finishing, ended };
  enum class Reading : std::uint8_t { frames, paused, discard };
  /// What came and could not be used yet: the start of a frame, or everything behind a pause.
  struct Kept {
    std::vector<std::uint8_t> bytes;
    std::size_t used = 0;
  };

  void on_ready(engine::Readiness ready) override;
  void on_timer() override;
  void send_gathered(std::span<const std::uint8_t> bytes) override;

  void on_ready_now(engine::Readiness ready);
  void on_timer_now();
  void watch();
  void read();
  void receive_kept();
  void receive_read(std::size_t bytes);
  std::span<std::uint8_t> receive(std::span<std::uint8_t> input);
  std::span<std::uint8_t> receive_stream(std::span<std::uint8_t> input);
  void limit_rate(const protocol::FramePiece& piece);
  void trace(const protocol::FramePiece& piece);
  void trace_sent(std::span<const std::uint8_t> frame);
  void on_violation(const protocol::Violation& violation);
  bool is_reading() const { return reading_ != Reading::paused && !is_throttled_; }
  void keep(std::span<const std::uint8_t> rest);
  void on_peer_ended();
  void read_again(Reading how);

  void write(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second);
  bool enqueue(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second);
  void write_queued();

  void set_deadline_timer();
  Deadlines::Next next_deadline() const;
  void act(Due due);
  bool takes_what_was_sent();
  bool may_wait_for_server() const;
  void end_writing();
  void shut_down_write();
  void end(const Ending& ending);
  void end_soon(const Ending& ending);
  void update_interest();

  // The small ones first: they fill what the base classes leave over.
  Framing framing_;
  State state_ = State::open;
  Reading reading_ = Reading::frames;
  engine::Interest interest_ = engine::Interest::none;
  protocol::ClosingHandshake closing_;
  bool started_ = false;
  bool watched_ = false;
  bool is_throttled_ = false;  // reading goes on when the rate limit lets it
  bool ends_soon_ = false;
  Ending::Cause soon_cause_{};  // what end_soon() has found
  bool peer_ended_ = false;
  bool ends_writing_ = false;  // once the queue is empty
  bool write_shut_ = false;
  bool calls_drained_ = false;
  int soon_error_ = 0;
  std::uint32_t ping_payload_ = 0;   // of all our pings; 0 before the first
  std::uint32_t untaken_bytes_ = 0;  // of what was sent, when a pong was last waited for
  Deadlines deadlines_;
  engine::EventLoop& loop_;
  Backend& backend_;
  const Policy& policy_;
  Meter meter_;
  transport::Transport transport_;
  protocol::FrameParser parser_;
  WriteQueue queue_;
  std::unique_ptr<Kept> kept_;
  std::unique_ptr<RateLimiter> rate_limiter_;  // if there is a limit
};

}  // namespace mod_ws::connection
