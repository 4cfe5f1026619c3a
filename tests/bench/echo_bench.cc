// What a handler's coroutine costs: CPU time of the event loop's thread for an echoed message of
// 100 bytes, with a session of ws_echo's kind and with one whose echo is written right into the
// engine. Both assemble messages, check text and answer; the sockets are a pair in this process.
//
//   echo_bench        prints both, and the median of the rounds' ratios

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "mod_ws/connection/connection.h"
#include "mod_ws/handler/bytes.h"
#include "mod_ws/handler/handler_session.h"
#include "mod_ws/protocol/message_assembler.h"
#include "mod_ws/protocol/utf8.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

namespace {

using namespace mod_ws;
using tests::operator+=;

constexpr std::size_t payload_bytes = 100;
constexpr std::size_t answer_bytes = payload_bytes + 2;
constexpr std::size_t messages_a_round = 20'000;
constexpr std::size_t rounds = 31;

const connection::Policy& policy() {
  static const connection::Policy the_policy = [] {
    connection::Policy made;
    made.validates_messages = true;
    made.client_limits.max_message_bytes = 1 << 20;
    return made;
  }();
  return the_policy;
}

protocol::FrameRules rules() {
  return {.role = protocol::Role::server, .limits = &policy().client_limits};
}

/// The echo without a coroutine.
class EngineEcho final : public engine::Resident, connection::Backend {
 public:
  EngineEcho(engine::EventLoop& loop, transport::Transport transport)
      : connection_(loop, std::move(transport), rules(), {.policy = policy()}, *this) {}

  void on_adopted() override { connection_.start({}); }
  void go_away(const engine::Farewell&) override { connection_.finish(); }

 private:
  void on_piece(protocol::FramePiece& piece) override {
    if (is_control(piece.opcode)) return connection_.finish();
    protocol::MessageAssembler assembler(
        {.max_message_bytes = policy().client_limits.max_message_bytes, .checks_text = true});
    if (assembler.receive(piece) != protocol::MessageAssembler::Result::message)
      return connection_.finish();
    const ws::Message message = assembler.take_message();
    if (!protocol::is_utf8(handler::bytes_of(message.payload))) return connection_.finish();
    connection_.send_frame(
        static_cast<protocol::Opcode>(message.type),
        {reinterpret_cast<const std::uint8_t*>(message.payload.data()), message.payload.size()});
  }
  void on_input_end() override {}
  void on_violation(const protocol::Violation&) override { connection_.finish(); }
  void trace(std::string_view) override {}
  void on_drained() override {}
  void on_due(connection::Due) override {}
  void on_ended(const connection::Ending&) override { connection_.loop().retire(*this); }

  connection::Connection connection_;
};

ws::Task<> echo(ws::Conn& conn) {
  while (const auto message = co_await conn.read()) {
    const auto error = co_await conn.write(*message);
    if (error) break;
  }
}

class Session {
 public:
  explicit Session(bool with_coroutine) : client_(base::UniqueFd()) {
    auto pair = tests::make_socket_pair(0);
    client_ = tests::Peer(std::move(pair.theirs));
    transport::Transport transport(std::move(pair.ours));
    loop_.loop().post_adoption(with_coroutine ? coroutine_echo(std::move(transport))
                                              : engine_echo(std::move(transport)));
  }

  /// Microseconds of the loop's thread for a message, with so many under way.
  double cost(std::size_t under_way) {
    tests::Bytes frames;
    for (std::size_t i = 0; i < under_way; ++i) {
      frames += tests::frame({}, std::string(payload_bytes, 'x'));
    }
    const double begin = cpu_time();
    for (std::size_t sent = 0; sent < messages_a_round; sent += under_way) {
      client_.send(frames);
      if (client_.receive(under_way * answer_bytes).size() != under_way * answer_bytes)
        throw std::runtime_error("an echo is missing");
    }
    return (cpu_time() - begin) / messages_a_round;
  }

 private:
  std::unique_ptr<engine::Resident> engine_echo(transport::Transport transport) {
    return std::make_unique<EngineEcho>(loop_.loop(), std::move(transport));
  }
  std::unique_ptr<engine::Resident> coroutine_echo(transport::Transport transport) {
    return std::make_unique<handler::HandlerSession>(loop_.loop(), std::move(transport),
                                                     handler::HandlerTerms{.handler = echo,
                                                                           .policy = policy(),
                                                                           .uri = "/",
                                                                           .remote_address = "",
                                                                           .user = "",
                                                                           .subprotocol = "",
                                                                           .already_read = {}});
  }
  double cpu_time() {
    return loop_.call([] {
      timespec time{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
    });
  }

  tests::Peer client_;
  tests::LoopThread loop_;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + rounds / 2, values.end());
  return values[rounds / 2];
}

void compare(std::size_t under_way) {
  Session engine(false);
  Session coroutine(true);
  engine.cost(under_way);  // once, to warm up
  coroutine.cost(under_way);
  std::vector<double> engine_costs, coroutine_costs, ratios;
  for (std::size_t i = 0; i < rounds; ++i) {
    engine_costs.push_back(engine.cost(under_way));
    coroutine_costs.push_back(coroutine.cost(under_way));
    ratios.push_back(coroutine_costs.back() / engine_costs.back());
  }
  std::printf(
      "echo of 100 bytes, %2zu under way:   engine %.3f us, coroutine %.3f us   ratio %.3f   "
      "target 1.05 or less\n",
      under_way, median(engine_costs), median(coroutine_costs), median(ratios));
}

}  // namespace

int main() {
  // On one processor a batch is there as a whole when the loop wakes, in every round alike.
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  ::sched_setaffinity(0, sizeof one, &one);
  for (const std::size_t under_way : {1, 16, 256}) compare(under_way);
}
