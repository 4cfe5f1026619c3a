#pragma once

#include <chrono>

#include "mod_ws/base/list_link.h"
#include "mod_ws/connection/connection.h"
#include "mod_ws/connection/session_end.h"
#include "mod_ws/engine/resident.h"

namespace mod_ws::connection {

/// What somebody wants to know, or to have done, of one session: made on any thread, with the
/// session's loop from its beginning on, and destroyed with the session.
class SessionRecord : base::ListLink {
 public:
  virtual ~SessionRecord();

  /// The session has ended; what it has carried does not change any more. At most once, and not for
  /// one that has never begun.
  virtual void on_ended(const SessionEnd& end, std::chrono::milliseconds age) = 0;

  Traffic client{};
  Traffic backend{};             ///< Of a relay.
  bool ends_with_child = false;  ///< It cannot go on in another process, or is not to.

 private:
  friend class OpenSessions;
  engine::Resident* session_ = nullptr;
  const Connection* client_connection_ = nullptr;
};

/// The sessions of a loop that have a record, as long as they are there. One a loop, see
/// EventLoop::local(); on its thread.
class OpenSessions {
 public:
  void add(SessionRecord& record, engine::Resident& session, const Connection& client);

  struct Open {
    SessionRecord& record;
    engine::Resident& session;
    const Connection& client;
  };
  /// The youngest first. `visit` gets an Open, tells by false that it has seen enough, and does not
  /// end a session at once.
  template <class Visit>
  void for_each(Visit visit) {
    for (base::ListLink* link = open_.next; link != &open_; link = link->next) {
      auto& record = static_cast<SessionRecord&>(*link);
      if (!visit(Open{record, *record.session_, *record.client_connection_})) return;
    }
  }

 private:
  base::ListLink open_;
};

/// Counts a session that begins on its loop; `record` may be null.
void begin_session(SessionRecord* record, engine::Resident& session, const Connection& client);

/// Counts its end; nothing, if it has not begun.
void end_session(SessionRecord* record, const Connection& client, const SessionEnd& end) noexcept;

}  // namespace mod_ws::connection
