// The status page's own WebSocket: a handler as any other.

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "mod_ws/base/decimal.h"
#include "mod_ws/handler/loop_runtime.h"
#include "mod_ws/httpd/child_life.h"
#include "mod_ws/httpd/session_table.h"
#include "mod_ws/httpd/status_handler.h"
#include "mod_ws/httpd/status_report.h"
#include "ws/ws.h"

namespace mod_ws::httpd {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds interval{1};
constexpr std::size_t default_sessions = 200;
constexpr std::size_t max_sessions = 1'000;

/// Who looks, and at what.
struct Viewer {
  SessionQuery query;
  std::string user;
};

/// Once a second, as long as the page is there.
ws::Task<> report(ws::Conn& conn, std::shared_ptr<Viewer> viewer) {
  while (true) {
    const auto make = [viewed = *viewer] { return status_report(viewed.query, viewed.user); };
    const std::string text = co_await ws::offload(make);
    const auto error = co_await conn.write(ws::MessageType::text, text);
    if (error) co_return;
    co_await ws::sleep_for(interval);
  }
}

ws::Task<> close_for(ws::Conn& conn, const Viewer& viewer, const std::string& id) {
  std::optional<std::string> complaint;
  const auto number = base::parse_decimal(id);
  if (viewer.user.empty()) {
    complaint = "only users that have logged in may close sessions";
  } else if (!number) {
    complaint = "no session has this number";
  } else {
    const auto close = [number = *number, user = viewer.user] {
      return close_session(child_exchange(), number, user);
    };
    const bool is_closed = co_await ws::offload(close);
    if (!is_closed) complaint = "session " + id + " is not there any more";
  }
  const Json answer = complaint ? Json{{"refused", *complaint}} : Json{{"closed", id}};
  const std::string text = answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  [[maybe_unused]] const auto error = co_await conn.write(ws::MessageType::text, text);
}

/// What the page may ask: `{"sessions": N}`, `{"filter": "TEXT"}`, `{"close": "ID"}`.
ws::Task<> serve_page(ws::Conn& conn) {
  const auto viewer =
      std::make_shared<Viewer>(Viewer{.query = {.limit = default_sessions, .filter = {}},
                                      .user = std::string(conn.request().user)});
  conn.spawn(report(conn, viewer));
  while (auto message = co_await conn.read()) {
    const Json wish = Json::parse(message->payload, nullptr, false);
    if (!wish.is_object()) continue;
    if (const auto limit = wish.find("sessions");
        limit != wish.end() && limit->is_number_unsigned())
      viewer->query.limit = std::min(limit->get<std::size_t>(), max_sessions);
    if (const auto filter = wish.find("filter"); filter != wish.end() && filter->is_string())
      viewer->query.filter = filter->get<std::string>();
    if (const auto id = wish.find("close"); id != wish.end() && id->is_string()) {
      const std::string number = id->get<std::string>();
      co_await close_for(conn, *viewer, number);
    }
  }
}

}  // namespace

const LoadedHandler& status_session() {
  static const LoadedHandler handler{status_handler_name, serve_page};
  return handler;
}

void equip_status_session() { ws::detail::runtime = &handler::runtime(); }

}  // namespace mod_ws::httpd
