#include "mod_ws/httpd/session_table.h"

#include <apr_lib.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "mod_ws/base/decimal.h"
#include "mod_ws/base/log.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/httpd/session_record.h"

namespace mod_ws::httpd {
namespace {

using connection::OpenSessions;
using engine::EventLoop;
using Reply = channels::Bus::Reply;

// Requests from one process to all; a number stands behind, and what is to be filtered.
constexpr std::string_view list_request = "list sessions ";
constexpr std::string_view close_request = "close session ";
constexpr std::string_view closed_reply = "closed";

constexpr engine::Farewell sent_away{1001, "closed by the server's administrator"};
constexpr std::chrono::seconds patience{2};

// ---- on a loop

std::shared_ptr<const SessionFacts> facts_of(const OpenSessions::Open& open) {
  return static_cast<const HttpdSessionRecord&>(open.record).facts();
}

/// Letters of ASCII in either case.
bool contains(const std::string& text, const std::string& part) {
  const auto is_same = [](char a, char b) { return apr_tolower(a) == apr_tolower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), is_same) != text.end();
}

bool lets_through(const std::string& filter, const SessionFacts& facts) {
  const auto texts = {&facts.client,         &facts.user, &facts.labels.location,
                      &facts.labels.backend, &facts.uri,  &facts.subprotocol};
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string* text) { return contains(*text, filter); });
}

std::string list_on(EventLoop& loop, const SessionQuery& query) {
  std::vector<SessionRow> rows;
  loop.local<OpenSessions>().for_each([&](const OpenSessions::Open& open) {
    if (rows.size() >= query.limit) return false;
    if (auto facts = facts_of(open); facts && lets_through(query.filter, *facts))
      rows.push_back({std::move(facts), open.client.age(), open.record.client, ::getpid()});
    return true;
  });
  return serialize(rows);
}

std::string close_on(EventLoop& loop, std::uint64_t id) {
  engine::Resident* found = nullptr;
  loop.local<OpenSessions>().for_each([&](const OpenSessions::Open& open) {
    const auto facts = facts_of(open);
    if (facts && facts->id == id) found = &open.session;
    return found == nullptr;
  });
  if (found == nullptr) return {};
  found->go_away(sent_away);
  return std::string(closed_reply);
}

// ---- in a process

/// What all loops say, one behind the other, once the last one has.
class Answers {
 public:
  Answers(std::size_t missing, Reply reply) : missing_(missing), reply_(std::move(reply)) {}

  void add(const std::string& part) {
    const std::lock_guard lock(mutex_);
    all_ += part;
    if (--missing_ == 0) reply_(std::move(all_));
  }

 private:
  std::mutex mutex_;
  std::size_t missing_;
  std::string all_;
  Reply reply_;
};

/// Asks each loop on its own thread.
void ask_loops(const engine::Engine& engine, const Reply& reply,
               const std::function<std::string(EventLoop&)>& question) {
  const auto loops = engine.loops();
  const auto answers = std::make_shared<Answers>(loops.size(), reply);
  for (EventLoop* const loop : loops)
    loop->post([loop, answers, question] { answers->add(question(*loop)); });
}

/// A request's number, and the text behind it.
struct Operands {
  std::uint64_t number;
  std::string text;
};

/// What stands behind `verb`, if the request has it: a number, and a text behind a space.
std::optional<Operands> behind(std::string_view request, std::string_view verb) {
  if (!request.starts_with(verb)) return std::nullopt;
  request.remove_prefix(verb.size());
  const std::size_t space = std::min(request.find(' '), request.size());
  const auto number = base::parse_decimal(request.substr(0, space));
  if (!number) return std::nullopt;
  return Operands{*number, std::string(request.substr(std::min(space + 1, request.size())))};
}

void answer(const engine::Engine& engine, std::string_view request, const Reply& reply) {
  if (const auto wanted = behind(request, list_request)) {
    const SessionQuery query{.limit = wanted->number, .filter = wanted->text};
    ask_loops(engine, reply, [query](EventLoop& loop) { return list_on(loop, query); });
  } else if (const auto unwanted = behind(request, close_request)) {
    const std::uint64_t id = unwanted->number;
    ask_loops(engine, reply, [id](EventLoop& loop) { return close_on(loop, id); });
  } else {
    reply({});
  }
}

// ---- in all processes

/// What has been answered, by whomever and when.
struct Gathered {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> texts;
  int missing = 2;  // this process, and the others together

  void add(std::vector<std::string> more) {
    const std::lock_guard lock(mutex);
    std::move(more.begin(), more.end(), std::back_inserter(texts));
    --missing;
    changed.notify_one();
  }
};

std::vector<std::string> ask_all(channels::Exchange& exchange, const std::string& request) {
  const auto gathered = std::make_shared<Gathered>();
  exchange.ask(request,
               [gathered](std::vector<std::string> texts) { gathered->add(std::move(texts)); });
  std::unique_lock lock(gathered->mutex);
  gathered->changed.wait_for(lock, patience, [&] { return gathered->missing == 0; });
  return std::move(gathered->texts);
}

}  // namespace

channels::Exchange::Responder session_table(const engine::Engine& engine) {
  return
      [&engine](std::string_view request, const Reply& reply) { answer(engine, request, reply); };
}

std::vector<SessionRow> list_sessions(channels::Exchange& exchange, const SessionQuery& query) {
  const std::size_t limit = std::min(query.limit, max_listed_sessions);
  const std::string request =
      std::string(list_request) + std::to_string(limit) + ' ' + query.filter;
  std::vector<SessionRow> rows;
  for (const std::string& text : ask_all(exchange, request)) {
    auto some = parse_rows(text);
    std::move(some.begin(), some.end(), std::back_inserter(rows));
  }
  std::sort(rows.begin(), rows.end(),
            [](const SessionRow& a, const SessionRow& b) { return a.facts->id > b.facts->id; });
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

bool close_session(channels::Exchange& exchange, std::uint64_t id, std::string_view user) {
  const auto answers = ask_all(exchange, std::string(close_request) + std::to_string(id));
  const bool is_closed = std::find(answers.begin(), answers.end(), closed_reply) != answers.end();
  if (is_closed) {
    base::log({}, base::LogLevel::warning,
              "user " + std::string(user) + " closes session " + std::to_string(id));
  }
  return is_closed;
}

}  // namespace mod_ws::httpd
