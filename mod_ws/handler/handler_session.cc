#include "mod_ws/handler/handler_session.h"

#include <exception>
#include <utility>

#include "mod_ws/engine/contain.h"

namespace mod_ws::handler {
namespace {

using base::LogLevel;

base::PackedStrings packed(const HandlerTerms& terms) {
  std::vector<std::string_view> strings(ConnSession::first_header);
  strings[ConnSession::uri] = terms.uri;
  strings[ConnSession::remote_address] = terms.remote_address;
  strings[ConnSession::user] = terms.user;
  strings[ConnSession::subprotocol_name] = terms.subprotocol;
  strings.insert(strings.end(), terms.kept_headers.begin(), terms.kept_headers.end());
  return base::PackedStrings(strings);
}

}  // namespace

HandlerSession::HandlerSession(engine::EventLoop& loop, transport::Transport transport,
                               HandlerTerms terms)
    : ConnSession(loop, std::move(transport),
                  {.role = protocol::Role::server,
                   .allowed_rsv = terms.compression ? protocol::rsv1_bit : std::uint8_t{0},
                   .limits = &terms.policy.client_limits},
                  {.policy = terms.policy,
                   .meter = {terms.tally, terms.record ? &terms.record->client : nullptr}},
                  packed(terms)),
      start_(std::make_unique<Start>(Start{std::move(terms.handler), std::move(terms.already_read),
                                           std::move(terms.compression)})),
      record_(std::move(terms.record)) {}

HandlerSession::~HandlerSession() {
  end_session(record_.get(), connection(), session_end());
  leave_loop();  // what the connection counts in is gone after this
}

void HandlerSession::on_adopted() {
  const auto start = std::move(start_);
  begin_session(record_.get(), *this, connection());
  begin(start->already_read, std::move(start->compression));
  run_handler(start->handler);
}

void HandlerSession::run_handler(const std::function<ws::Task<>(ws::Conn&)>& handler) {
  const auto visit = visit_handler();
  try {
    task_ = handler(*this);
    task_.start(*this);
  } catch (...) {  // no memory for the frame, say
    task_done_ = true;
    fail_with_exception("the handler, before it began,");
  }
}

void HandlerSession::on_task_done() noexcept {
  task_done_ = true;
  try {
    task_.take_result();
    note_end(metrics::Ender::server, ws::CloseCode::normal_closure, "the handler returned");
    close_now(ws::CloseCode::normal_closure, {});
  } catch (...) {
    engine::contain([this] { fail_with_exception("the handler"); },
                    [this] { connection().finish(); });
  }
  retire_if_done();
}

void HandlerSession::on_stuck() {
  const bool is_stopped = !std::exchange(task_done_, true);
  retire_if_done();
  if (is_stopped)
    log(LogLevel::error, "the handler goes on after the end of its session, and is stopped");
}

void HandlerSession::retire_if_done() {
  if (task_done_ && connection().ended()) connection().loop().retire(*this);
}

}  // namespace mod_ws::handler
