#pragma once

#include <cstdint>

namespace mod_ws::protocol {

/// One connection's closing handshake (RFC 6455 7): which Close frames have gone which way.
class ClosingHandshake {
 public:
  void on_sent() { sent_ = true; }
  void on_received() { received_ = true; }

  bool sent() const { return sent_; }
  bool received() const { return received_; }
  /// Both endpoints have said so: the connection has no more use (RFC 6455 7.1.4).
  bool complete() const { return sent_ && received_; }
  /// RFC 6455 5.5.1: no data frame after a Close frame.
  bool may_send_data() const { return !sent_; }
  /// RFC 6455 5.5.2: a ping is answered until the peer's Close has come.
  bool may_send_pong() const { return !received_; }

 private:
  bool sent_ = false;
  bool received_ = false;
};

}  // namespace mod_ws::protocol
