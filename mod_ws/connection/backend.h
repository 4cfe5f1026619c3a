#pragma once

#include <string_view>

#include "mod_ws/connection/deadlines.h"
#include "mod_ws/connection/ending.h"
#include "mod_ws/protocol/frame_parser.h"

namespace mod_ws::connection {

/// What stands behind a connection: one leg of a relay, or a handler's session. Every call is on
/// the loop's thread.
class Backend {
 public:
  /// A stretch of a data frame, or a whole control frame. The bytes are the loop's, and may be
  /// changed, until the call returns; those of several pieces lie one behind the other until
  /// on_input_end().
  virtual void on_piece(protocol::FramePiece& piece) = 0;

  /// The pieces of one read are through.
  virtual void on_input_end() = 0;

  /// The peer broke the protocol. Nothing more is read from it; what is to be sent is the backend's
  /// decision.
  virtual void on_violation(const protocol::Violation& violation) = 0;

  /// The peer of a byte stream has ended its side; what is sent still reaches it.
  virtual void on_peer_finished() {}

  /// Policy::traces_frames: a frame has come or leaves, in words. Of what is sent verbatim nothing
  /// is told.
  virtual void trace(std::string_view frame) = 0;

  /// The write queue has become empty.
  virtual void on_drained() = 0;

  /// Due::ping: Connection::ping() is to be called, or put_off_ping() where no frame can be sent
  /// now. Due::idle_timeout, Due::lifetime: the session is to be closed.
  virtual void on_due(Due due) = 0;

  /// The socket is closed. The last call, and the only one after Connection::finish().
  virtual void on_ended(const Ending& ending) = 0;

 protected:
  ~Backend() = default;
};

}  // namespace mod_ws::connection
