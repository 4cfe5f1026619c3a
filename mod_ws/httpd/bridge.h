#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {

class Handover;

/// Stands between a session and a client's connection that cannot be taken from httpd: a stream of
/// HTTP/2, or one with a filter that changes its bytes. The session has one end of a socket pair,
/// as if it was the connection; the thread that httpd has given the request moves bytes between the
/// other end and httpd's filters, for as long as the session lives. The engine knows nothing of it.
class Bridge {
 public:
  /// One more of the bridges of its kind that this child may have: each kind holds threads of its
  /// own.
  class Place {
   public:
    enum class Kind : std::size_t { stream, connection };

    Place(Kind kind, unsigned max);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();

    explicit operator bool() const { return is_taken_; }

   private:
    Kind kind_;
    bool is_taken_;
  };

  /// With errno, and without ends, when there are no descriptors.
  Bridge(request_rec* r, Place::Kind kind, unsigned max);

  bool has_place() const { return static_cast<bool>(place_); }
  /// The session's end; once. -1, with errno, when there is none.
  base::UniqueFd take_session_end() { return std::move(session_end_); }

  /// Moves bytes until one side has ended. Each side is read only as fast as the other one takes,
  /// and they take turns.
  void run();

  /// Ends both sides of all bridges that run in this child. For when httpd stops at once: it closes
  /// its sockets then without waking the threads that wait for them, a bridge's for up to Timeout.
  static void cut_all();

 private:
  class Run;
  void cut();
  /// These tell whether there may be more to do at once.
  bool move_up();
  bool move_down();
  bool receive_up();
  bool take_up(apr_status_t status);
  bool keep_up();
  bool send_up();
  void wait();
  void end_up();
  void end();

  conn_rec* client_;
  Place place_;
  base::UniqueFd session_end_;
  base::UniqueFd our_end_;
  base::UniqueFd client_socket_;  // our own name for it, which httpd does not close
  apr_bucket_brigade* brigade_;
  std::vector<char> up_;  // read from the client, and not taken by the session yet
  bool client_ended_ = false;
  bool awaits_first_eos_;
  bool has_ended_ = false;
};

/// Makes the request's client ready for its session: to be taken, or, where that cannot be, with a
/// bridge, which is logged. OK, or the status to return.
int prepare_client(request_rec* r, Handover& handover);

/// Whether the request's client has a bridge.
bool is_bridged(request_rec* r);

/// Runs the bridge, if there is one and the session has been handed over, till the session's end.
void run_bridge(request_rec* r);

}  // namespace mod_ws::httpd
