#include "mod_ws/handler/dial_attempt.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "mod_ws/handler/bytes.h"
#include "mod_ws/handler/dialed_session.h"
#include "mod_ws/protocol/client_request.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using engine::EventLoop;
using engine::Interest;

constexpr std::size_t max_body_bytes = 1 << 10;
constexpr std::size_t max_reason_bytes = 100;

/// An address that does not answer leaves the ones behind it a part of the time, but is given this
/// much if it is there.
constexpr std::chrono::milliseconds min_connect_time = 2s;

/// What a phase is called in messages.
const char* text_of_phase(std::size_t phase) {
  constexpr std::array names{"looking up the host",    "connecting",
                             "asking the proxy",       "doing the TLS handshake",
                             "waiting for the answer", "reading why it was refused"};
  return phase < names.size() ? names[phase] : "";
}

std::string status_of(const protocol::ResponseHead& head) {
  return std::to_string(head.status) + " " + head.reason.substr(0, max_reason_bytes);
}

std::string message_of(int error) { return std::generic_category().message(error); }

}  // namespace

/// Where the result will be, for the one who waits, and who may stop waiting.
class DialAttempt::Outcome final : public ws::detail::Outcome<ws::DialResult> {
 public:
  DialAttempt* attempt = nullptr;

 private:
  void cancel() noexcept override {
    if (attempt != nullptr) attempt->end();
  }
};

/// What is done on a thread of the pool; the attempt may have gone meanwhile.
struct DialAttempt::Preparation {
  DialAttempt* attempt;  // touched on the loop's thread only
  Resolver resolver;     // null: the addresses are known
  std::string host;
  std::uint16_t port;
  std::optional<transport::TlsClientSettings> tls;

  transport::Resolution resolution{};
  transport::SslContextPtr tls_context{};
  std::string tls_error{};

  void run() {
    if (resolver) resolution = resolver(host, port);
    if (tls) tls_context = transport::tls_client_context(*tls, tls_error);
  }
};

ws::Pending<ws::DialResult> DialAttempt::begin(EventLoop& loop, OffloadPool& pool, DialPlan plan,
                                               Resolver resolver) {
  const auto outcome = std::make_shared<Outcome>();
  std::unique_ptr<DialAttempt> owned(new DialAttempt(loop, std::move(plan), outcome));
  DialAttempt& attempt = *owned;
  loop.adopt(std::move(owned));
  attempt.prepare(pool, std::move(resolver));
  return ws::Pending<ws::DialResult>(outcome);
}

DialAttempt::DialAttempt(EventLoop& loop, DialPlan plan, std::shared_ptr<Outcome> outcome)
    : loop_(loop),
      plan_(std::move(plan)),
      handler_name_(loop.guest_book().guest()),
      outcome_(std::move(outcome)) {
  outcome_->attempt = this;
}

DialAttempt::~DialAttempt() { end(); }

void DialAttempt::on_adopted() {
  if (plan_.timeout > 0ms) deadline_ = loop_.now() + plan_.timeout;
  set_deadline_timer();
}

/// Not here and now: whoever waits may end sessions, among which the loop is going round.
void DialAttempt::go_away(const engine::Farewell&) {
  if (phase_ == Phase::over) return;
  goes_away_ = true;
  loop_.set_timer(*this, 0ms);
}

// ---- the way

const protocol::UrlAuthority& DialAttempt::first_hop() const {
  return plan_.proxy ? plan_.proxy->authority : plan_.url.authority;
}

void DialAttempt::prepare(OffloadPool& pool, Resolver resolver) {
  const auto& [host, port] = first_hop();
  addresses_ = plan_.url.unix_path.empty()
                   ? transport::numeric_addresses(host, port)
                   : std::vector{transport::unix_address(plan_.url.unix_path)};
  if (!addresses_.empty()) resolver = nullptr;
  preparation_ = std::make_shared<Preparation>(Preparation{.attempt = this,
                                                           .resolver = std::move(resolver),
                                                           .host = host,
                                                           .port = port,
                                                           .tls = plan_.tls});
  const auto go_on = [preparation = preparation_] {
    if (preparation->attempt != nullptr) preparation->attempt->on_prepared(*preparation);
  };
  // Not here and now: whoever dials may be in the middle of what lies in the loop's receive buffer.
  if (!preparation_->resolver && !plan_.tls) return loop_.post(go_on);
  try {
    wants_preparation_ =
        pool.run([preparation = preparation_] { preparation->run(); }, loop_, go_on);
  } catch (const std::system_error& error) {
    fail(Kind::resolve, error.what());
  }
}

void DialAttempt::on_prepared(Preparation& preparation) {
  if (preparation.resolver) {
    addresses_ = std::move(preparation.resolution.addresses);
    if (addresses_.empty())
      return fail(Kind::resolve, "the host " + preparation.host +
                                     " has no address: " + preparation.resolution.error);
  }
  tls_context_ = std::move(preparation.tls_context);
  if (plan_.tls && !tls_context_) return fail(Kind::tls, preparation.tls_error);
  connect_next();
}

void DialAttempt::connect_next() {
  phase_ = Phase::connecting;
  while (next_address_ < addresses_.size()) {
    auto connecting = transport::begin_connecting(addresses_[next_address_++]);
    if (connecting.error != 0) {
      connect_error_ = message_of(connecting.error);
      continue;
    }
    connecting_ = std::move(connecting.socket);
    if (!connecting.is_under_way) return on_connected();
    set_deadline_timer();
    return wait_for(Interest::write, connecting_.get());
  }
  fail(Kind::connect, connect_error_ + " (" + addresses_.back().text() + ")");
}

void DialAttempt::on_connect_ended() {
  const int error = transport::connect_error(connecting_.get());
  if (error == 0) return on_connected();
  connect_error_ = message_of(error);
  stop_watching();
  connecting_.reset();
  connect_next();
}

void DialAttempt::on_connected() {
  transport_.emplace(std::move(connecting_));
  if (plan_.proxy) {
    begin_exchange(Phase::tunnelling,
                   protocol::serialize_connect_request(plan_.url.authority, *plan_.proxy));
  } else {
    secure();
  }
}

void DialAttempt::on_tunnel() {
  auto& head = exchange_->head();
  if (head.status < 200 || head.status > 299) {
    const std::string status = status_of(head);
    take_head(head);
    return fail(Kind::proxy, proxy_name() + " answered " + status);
  }
  if (!exchange_->rest().empty())
    return fail(Kind::proxy, proxy_name() + " sent more than its answer");
  secure();
}

void DialAttempt::secure() {
  if (!plan_.tls) return begin_exchange(Phase::opening, plan_.request);
  phase_ = Phase::securing;
  tls_ = std::make_unique<transport::TlsClientHandshake>(tls_context_, transport_->take_socket(),
                                                         plan_.server_name);
  transport_.reset();
  set_deadline_timer();
  go_on_securing();
}

void DialAttempt::go_on_securing() {
  using Status = transport::TlsClientHandshake::Status;
  switch (tls_->go_on()) {
    case Status::done:
      transport_.emplace(tls_->take());
      tls_.reset();
      return begin_exchange(Phase::opening, plan_.request);
    case Status::wants_read:
      return wait_for(Interest::read, tls_->fd());
    case Status::wants_write:
      return wait_for(Interest::write, tls_->fd());
    case Status::failed:
      return fail(Kind::tls, "no TLS: " + tls_->error());
  }
}

void DialAttempt::begin_exchange(Phase phase, std::string request) {
  phase_ = phase;
  set_deadline_timer();
  exchange_.emplace(std::move(request));
  go_on_exchanging();
}

void DialAttempt::go_on_exchanging() {
  using Status = HeadExchange::Status;
  const bool is_proxy = phase_ == Phase::tunnelling;
  const std::string who = is_proxy ? proxy_name() + ": " : "";
  switch (exchange_->go_on(*transport_, loop_.receive_buffer().space())) {
    case Status::waits:
      return wait_for(exchange_->interest(), transport_->fd());
    case Status::answered:
      return is_proxy ? on_tunnel() : on_answer();
    case Status::malformed:
      return fail(is_proxy ? Kind::proxy : Kind::bad_response, who + exchange_->complaint());
    case Status::broken:
      return fail(is_proxy ? Kind::proxy : Kind::connect, who + exchange_->complaint());
  }
}

void DialAttempt::on_answer() {
  const int status = exchange_->head().status;
  DialAgreement agreement;
  const auto complaint = check_dial_answer(plan_, exchange_->head(), agreement);
  if (!complaint) return succeed(agreement);
  if (status == 101) {
    take_head(exchange_->head());
    return fail(Kind::bad_response, "the server answered " + *complaint);
  }
  phase_ = Phase::refused;
  body_.emplace(exchange_->head(), max_body_bytes);
  if (body_->receive(text_of(exchange_->rest()))) return finish_refused();
  read_refusal();
}

void DialAttempt::read_refusal() {
  using Status = transport::IoResult::Status;
  while (true) {
    const auto buffer = loop_.receive_buffer().space();
    const auto result = transport_->read_some(buffer);
    if (result.status == Status::would_block) return wait_for(Interest::read, transport_->fd());
    // What has come is told, whatever the rest was to be.
    if (result.status != Status::moved) return finish_refused();
    if (body_->receive(text_of(buffer.first(result.bytes)))) return finish_refused();
  }
}

// ---- the end

void DialAttempt::succeed(const DialAgreement& agreement) {
  DialedTerms terms{.url = plan_.name(),
                    .target = plan_.url.target,
                    .remote_address = addresses_[next_address_ - 1].text(),
                    .subprotocol = agreement.subprotocol,
                    .read_limit_bytes = plan_.read_limit_bytes,
                    .compression = std::nullopt,
                    .already_read = std::move(exchange_->rest())};
  if (agreement.deflate) terms.compression = {.agreed = *agreement.deflate};
  take_head(exchange_->head());
  stop_watching();
  const engine::GuestBook::Visit visit(loop_.guest_book(), handler_name_);
  result_.client = DialedSession::open(loop_, std::move(*transport_), std::move(terms));
  transport_.reset();
  finish();
}

void DialAttempt::finish_refused() {
  const std::string status = status_of(exchange_->head());
  take_head(exchange_->head());
  result_.body = body_->take();
  fail(Kind::refused, "the server answered " + status);
}

void DialAttempt::fail(Kind kind, std::string_view what) {
  result_.error = {kind, plan_.name() + ": " + std::string(what)};
  finish();
}

void DialAttempt::take_head(protocol::ResponseHead& head) {
  result_.status = head.status;
  for (auto& [name, value] : head.headers)
    result_.headers.push_back({std::move(name), std::move(value)});
}

/// Whoever waits goes on in here; nothing of this may be used behind it.
void DialAttempt::finish() {
  const engine::GuestBook::Visit visit(loop_.guest_book(), handler_name_);
  const auto outcome = outcome_;
  ws::DialResult result = std::move(result_);
  end();
  outcome->deliver(std::move(result));
}

/// Everything is closed now; the loop destroys this after its turn.
void DialAttempt::end() {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  outcome_->attempt = nullptr;
  if (preparation_) preparation_->attempt = nullptr;
  wants_preparation_.reset();
  cancel();
  stop_watching();
  connecting_.reset();
  tls_.reset();
  transport_.reset();
  loop_.retire(*this);
}

// ---- events

void DialAttempt::on_ready(engine::Readiness) {
  switch (phase_) {
    case Phase::connecting:
      return on_connect_ended();
    case Phase::securing:
      return go_on_securing();
    case Phase::tunnelling:
    case Phase::opening:
      return go_on_exchanging();
    case Phase::refused:
      return read_refusal();
    case Phase::preparing:
    case Phase::over:
      return;
  }
}

void DialAttempt::on_timer() {
  if (goes_away_) return fail(Kind::going_away, "the process ends");
  if (phase_ == Phase::refused) return finish_refused();
  if (deadline_ && loop_.now() >= *deadline_) {
    const std::string where = text_of_phase(static_cast<std::size_t>(phase_));
    return fail(Kind::timeout,
                "timed out after " + std::to_string(plan_.timeout.count()) + " ms while " + where);
  }
  // Only connecting has a time of its own.
  connect_error_ = message_of(ETIMEDOUT);
  stop_watching();
  connecting_.reset();
  connect_next();
}

void DialAttempt::set_deadline_timer() {
  if (!deadline_ || goes_away_) return;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - loop_.now());
  if (phase_ == Phase::connecting) {
    const auto share = left / static_cast<int>(addresses_.size() - next_address_ + 1);
    left = std::min(left, std::max(share, min_connect_time));
  }
  loop_.set_timer(*this, std::max(left, 0ms));
}

void DialAttempt::wait_for(Interest interest, int fd) {
  if (watched_fd_ == fd) return loop_.change_interest(fd, interest, *this);
  if (!loop_.watch(fd, interest, *this)) return fail(Kind::connect, message_of(errno));
  watched_fd_ = fd;
}

void DialAttempt::stop_watching() {
  if (watched_fd_ >= 0) loop_.unwatch(std::exchange(watched_fd_, -1), *this);
}

std::string DialAttempt::proxy_name() const {
  return "the proxy " + protocol::authority_with_port(plan_.proxy->authority);
}

}  // namespace mod_ws::handler
