#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/engine/event_loop.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/transport/transport.h"

namespace mod_ws::httpd {

/// Registers the hooks that watch connections from their birth: takeover needs to know a
/// connection's TLS session, and the moment httpd has let go of it.
void register_takeover();

/// Why this connection cannot be taken from httpd; nullptr if it can. The text lives as long as the
/// connection.
const char* takeover_obstacle(conn_rec* c);

/// How much the connection's TLS has read so far; 0 without TLS. A read that came to nothing but
/// moved this has met a record of TLS's own, and more may be there already.
std::uint64_t tls_bytes_read(conn_rec* c);

/// A connection that is httpd's no longer.
struct TakenConnection {
  transport::Transport transport;
  std::vector<std::uint8_t> already_read;  ///< By httpd's filters, behind the handshake.
};

/// A session whose connections are still httpd's. Each of them is taken once its handshake is done;
/// httpd goes on using it until it clears the connection's pool. When the last one is free, the
/// session begins, on the thread that freed it.
class Handover : public std::enable_shared_from_this<Handover> {
 public:
  /// Gets the connections, in the order of prepare().
  using Begin = std::function<void(std::vector<TakenConnection>)>;

  /// The session is going to live on that loop.
  explicit Handover(engine::EventLoop& loop) : loop_(loop) {}
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  ~Handover();

  // What can fail for lack of something, before a handshake is answered. False, with errno.

  /// Duplicates the connection's socket, with room on the loop for watching it.
  bool prepare(conn_rec* c);
  /// Takes a bridge's end in place of a connection.
  bool prepare_bridged(base::UniqueFd session_end);
  /// Keeps descriptors for a connection that is still to be made: its own, and its duplicate.
  bool reserve_descriptors();
  /// Lets go of the first of them: the connection is made now.
  void free_descriptor();

  engine::EventLoop& loop() const { return loop_; }

  /// Takes all prepared connections. From here on httpd closes its side of them without a word to
  /// the peer. Where there is none but a bridge's end, the session begins at once.
  void commit(Begin begin);

  /// For the connection's cleanup: httpd has no more use for the prepared connection with this
  /// number.
  void let_go(std::size_t number);

 private:
  struct Prepared {
    conn_rec* connection;  // null: a bridge's end, which is nobody else's
    base::UniqueFd socket;
    transport::SslPtr ssl;
    std::vector<std::uint8_t> already_read;
  };
  base::UniqueFd duplicate(int descriptor);
  void take(Prepared& prepared, std::size_t number);
  void begin_session();

  engine::EventLoop& loop_;
  std::vector<base::UniqueFd> reserved_;
  Begin begin_;
  std::vector<Prepared> prepared_;
  std::mutex mutex_;
  std::size_t still_held_ = 0;  // by httpd
};

}  // namespace mod_ws::httpd
