#include "mod_ws/connection/session_record.h"

namespace mod_ws::connection {

SessionRecord::~SessionRecord() { remove(); }

void OpenSessions::add(SessionRecord& record, engine::Resident& session, const Connection& client) {
  record.session_ = &session;
  record.client_connection_ = &client;
  record.insert_before(*open_.next);
}

void begin_session(SessionRecord* record, engine::Resident& session, const Connection& client) {
  client.tally().begun.add();
  if (record != nullptr) client.loop().local<OpenSessions>().add(*record, session, client);
}

void end_session(SessionRecord* record, const Connection& client, const SessionEnd& end) {
  if (!client.has_started()) return;
  metrics::count_end(client.tally(), end.ender(), static_cast<std::uint16_t>(end.code()),
                     client.age());
  if (record != nullptr) record->on_ended(end, client.age());
}

}  // namespace mod_ws::connection
