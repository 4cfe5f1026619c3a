#include "mod_ws/httpd/session_table.h"

#include <unistd.h>

#include <charconv>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "mod_ws/httpd/session_record.h"

namespace mod_ws::httpd {
namespace {

using Json = nlohmann::json;
using connection::OpenSessions;
using engine::EventLoop;
using Reply = channels::Bus::Reply;

// Requests from one process to all; a number stands behind.
constexpr std::string_view list_request = "list sessions ";
constexpr std::string_view close_request = "close session ";
constexpr std::string_view closed_reply = "closed";

constexpr engine::Farewell sent_away{1001, "closed by the server's administrator"};
constexpr std::chrono::seconds patience{2};

const SessionFacts* facts_of(const OpenSessions::Open& open) {
  return static_cast<const HttpdSessionRecord&>(open.record).facts();
}

Json json_of(const OpenSessions::Open& open, const SessionFacts& facts) {
  const auto& traffic = open.record.client;
  return {{"id", std::to_string(facts.id)},
          {"client", facts.client},
          {"user", facts.user},
          {"server", facts.labels.server},
          {"location", facts.labels.location},
          {"backend", facts.labels.backend},
          {"uri", facts.uri},
          {"subprotocol", facts.subprotocol},
          {"age_seconds", std::chrono::duration<double>(open.client.age()).count()},
          {"messages_in", traffic.received_messages},
          {"messages_out", traffic.sent_messages},
          {"bytes_in", traffic.received_bytes},
          {"bytes_out", traffic.sent_bytes},
          {"pid", ::getpid()}};
}

Json sessions_of(EventLoop& loop, std::size_t limit) {
  Json sessions = Json::array();
  loop.local<OpenSessions>().for_each([&](const OpenSessions::Open& open) {
    if (sessions.size() >= limit) return false;
    if (const auto* const facts = facts_of(open)) sessions.push_back(json_of(open, *facts));
    return true;
  });
  return sessions;
}

bool close_on(EventLoop& loop, std::uint64_t id) {
  engine::Resident* found = nullptr;
  loop.local<OpenSessions>().for_each([&](const OpenSessions::Open& open) {
    const auto* const facts = facts_of(open);
    if (facts != nullptr && facts->id == id) found = &open.session;
    return found == nullptr;
  });
  if (found != nullptr) found->go_away(sent_away);
  return found != nullptr;
}

/// What all loops say, once the last one has.
class Answers {
 public:
  Answers(std::size_t missing, Reply reply) : missing_(missing), reply_(std::move(reply)) {}

  void add(const Json& part) {
    const std::lock_guard lock(mutex_);
    for (const Json& each : part) all_.push_back(each);
    if (--missing_ == 0) reply_(all_.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

 private:
  std::mutex mutex_;
  std::size_t missing_;
  Json all_ = Json::array();
  Reply reply_;
};

/// Asks each loop on its own thread.
void ask_loops(const engine::Engine& engine, const Reply& reply,
               const std::function<Json(EventLoop&)>& question) {
  const auto loops = engine.loops();
  const auto answers = std::make_shared<Answers>(loops.size(), reply);
  for (EventLoop* const loop : loops)
    loop->post([loop, answers, question] { answers->add(question(*loop)); });
}

/// The number behind `verb`, if the request has it.
std::optional<std::uint64_t> number_behind(std::string_view request, std::string_view verb) {
  if (!request.starts_with(verb)) return std::nullopt;
  request.remove_prefix(verb.size());
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(request.data(), request.data() + request.size(), number);
  if (error != std::errc() || end != request.data() + request.size()) return std::nullopt;
  return number;
}

void answer(const engine::Engine& engine, std::string_view request, const Reply& reply) {
  if (const auto limit = number_behind(request, list_request)) {
    ask_loops(engine, reply, [limit](EventLoop& loop) { return sessions_of(loop, *limit); });
  } else if (const auto id = number_behind(request, close_request)) {
    ask_loops(engine, reply, [id](EventLoop& loop) {
      return close_on(loop, *id) ? Json::array({closed_reply}) : Json::array();
    });
  } else {
    reply({});
  }
}

/// All answers as one array.
Json ask_all(channels::Exchange& exchange, std::string_view verb, std::uint64_t number) {
  const auto promise = std::make_shared<std::promise<std::vector<std::string>>>();
  auto answers = promise->get_future();
  exchange.ask(std::string(verb) + std::to_string(number),
               [promise](std::vector<std::string> all) { promise->set_value(std::move(all)); });
  Json joined = Json::array();
  if (answers.wait_for(patience) != std::future_status::ready) return joined;
  for (const std::string& text : answers.get()) {
    const Json part = Json::parse(text, nullptr, false);
    if (!part.is_array()) continue;
    joined.insert(joined.end(), part.begin(), part.end());
  }
  return joined;
}

}  // namespace

channels::Exchange::Responder session_table(const engine::Engine& engine) {
  return
      [&engine](std::string_view request, const Reply& reply) { answer(engine, request, reply); };
}

nlohmann::json sessions_as_json(channels::Exchange& exchange, std::size_t limit) {
  Json sessions = ask_all(exchange, list_request, limit);
  if (sessions.size() > limit)
    sessions.erase(sessions.begin() + static_cast<std::ptrdiff_t>(limit), sessions.end());
  return sessions;
}

bool close_session(channels::Exchange& exchange, std::uint64_t id) {
  return !ask_all(exchange, close_request, id).empty();
}

}  // namespace mod_ws::httpd
