#include "mod_ws/connection/session_record.h"

#include "mod_ws/engine/contain.h"

namespace mod_ws::connection {

SessionRecord::~SessionRecord() { remove(); }

void OpenSessions::add(SessionRecord& record, engine::Resident& session, const Connection& client) {
  record.session_ = &session;
  record.client_connection_ = &client;
  record.insert_before(*open_.next);
}

void begin_session(SessionRecord* record, engine::Resident& session, const Connection& client) {
  if (record != nullptr) client.loop().local<OpenSessions>().add(*record, session, client);
  client.tally().begun.add();
}

void end_session(SessionRecord* record, const Connection& client, const SessionEnd& end) noexcept {
  if (!client.has_started()) return;
  metrics::count_end(client.tally(), end.ender(), static_cast<std::uint16_t>(end.code()),
                     client.age());
  // Destructors call this.
  engine::contain([&] {
    if (record != nullptr) record->on_ended(end, client.age());
  });
}

}  // namespace mod_ws::connection
