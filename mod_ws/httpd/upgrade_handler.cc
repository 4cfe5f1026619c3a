#include "mod_ws/httpd/upgrade_handler.h"

#include "mod_ws/handler/handler_session.h"
#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/bridge.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/client_handshake.h"
#include "mod_ws/httpd/compression.h"
#include "mod_ws/httpd/config.h"
#include "mod_ws/httpd/log.h"
#include "mod_ws/httpd/request_state.h"
#include "mod_ws/httpd/series.h"
#include "mod_ws/httpd/session_limits.h"
#include "mod_ws/httpd/session_record.h"
#include "mod_ws/httpd/status_handler.h"
#include "mod_ws/httpd/takeover.h"
#include "mod_ws/httpd/upgrader.h"
#include "mod_ws/protocol/opening_handshake.h"

namespace mod_ws::httpd {
namespace {

constexpr KindDefaults handler_defaults{
    .max_message_bytes = 1 << 20,
    .validates_messages = true,
    .compression = connection::Compression::Mode::on,
    .send_queue = {.action = connection::SendQueue::Action::close, .limit_bytes = 1 << 20}};

std::chrono::milliseconds handshake_timeout(const LocationConfig& location) {
  const auto configured = location.handshake_timeout.value_or(default_handshake_timeout);
  const auto wanted = location.handler->upgrader.handshake_timeout;
  return wanted.count() > 0 ? std::min(wanted, configured) : configured;
}

/// The session begins on that loop, once its connection is httpd's no longer.
void hand_over(Handover& handover, const char* handler, engine::EventLoop& loop,
               handler::HandlerTerms terms) {
  // std::function wants what it carries to be copyable.
  auto carried = std::make_shared<handler::HandlerTerms>(std::move(terms));
  handover.commit([&loop, handler, carried](std::vector<TakenConnection> taken) {
    base::log({carried->policy.log_server, carried->remote_address, carried->uri},
              base::LogLevel::debug, std::string("a session of handler ") + handler);
    carried->already_read = std::move(taken.front().already_read);
    loop.post_adoption(std::make_unique<handler::HandlerSession>(
        loop, std::move(taken.front().transport), std::move(*carried)));
  });
}

/// After the handshake: the client's connection becomes a session of the handler's.
int serve(request_rec* r, const LocationConfig& location) {
  engine::EventLoop& loop = child_engine_for_handlers().least_loaded();
  const auto handover = std::make_shared<Handover>(loop);
  if (const int refusal = prepare_client(r, *handover); refusal != OK) return refusal;
  const ws::Upgrader& upgrader = location.handler->upgrader;
  const connection::Policy& policy = policy_of(r->server, location, handler_defaults, upgrader);
  const auto supported = supported_subprotocols(upgrader, location.subprotocols);
  const std::string_view subprotocol =
      protocol::choose_subprotocol(header_in(r, "Sec-WebSocket-Protocol"), supported);
  auto compression = negotiate_compression(r, policy.compression);
  const std::string extensions =
      compression ? protocol::serialize_deflate_answer(compression->agreed) : "";
  if (!send_switching_protocols(r, {.subprotocol = subprotocol,
                                    .extensions = extensions,
                                    .timeout = handshake_timeout(location)})) {
    return OK;
  }
  hand_over(*handover, location.handler->name, loop,
            {.handler = location.handler->run,
             .policy = policy,
             .uri = r->unparsed_uri,
             .remote_address = client_address(r),
             .user = r->user == nullptr ? "" : r->user,
             .subprotocol = std::string(subprotocol),
             .kept_headers = kept_headers(r, upgrader),
             .tally = tally_of(loop, series_of(r)),
             .already_read = {},
             .compression = std::move(compression),
             .record = make_session_record(r, subprotocol)});
  request_state(r).is_handed_over = true;
  child_has_begun_what_ends();
  run_bridge(r);
  return OK;
}

/// What the handler says of origins counts more than the directive.
int check_handshake(request_rec* r, const LocationConfig& location) {
  const bool has_own_check = location.handler->upgrader.check_origin != nullptr;
  return check_client_handshake(
      r, has_own_check ? rules_of(UsualOrigins::any) : origin_rules(location, UsualOrigins::same));
}

/// The status page has a session of its own.
LocationConfig effective_config(request_rec* r) {
  LocationConfig location = location_config(r);
  if (location.handler == nullptr && is_for_status(r)) location.handler = &status_session();
  return location;
}

int handle_upgrade(request_rec* r) {
  const LocationConfig location = effective_config(r);
  if (location.handler == nullptr || !location.handler->run || !asks_for_websocket(r))
    return DECLINED;
  return fenced(r, [&]() -> int {
    if (const int refusal = check_handshake(r, location); refusal != OK) return refusal;
    if (const int refusal = take_place(r); refusal != OK) return refusal;
    if (const int refusal = ask_handler(r, location.handler->upgrader); refusal != OK)
      return refusal;
    return serve(r, location);
  });
}

}  // namespace

void register_upgrade_handler() {
  ap_hook_handler(handle_upgrade, nullptr, nullptr, APR_HOOK_REALLY_FIRST);
}

}  // namespace mod_ws::httpd
