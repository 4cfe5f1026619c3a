// How a dial ends before its time: timeouts, cancellation and the loop's end, in each of its
// phases.

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>

#include "mod_ws/handler/dial_attempt.h"
#include "mod_ws/handler/loop_runtime.h"
#include "tests/support/dialing.h"
#include "tests/support/handler_on_loop.h"

namespace mod_ws::handler {
namespace {

using namespace std::chrono_literals;
using tests::bytes_of;
using tests::Dialing;
using tests::Listener;
using tests::LoopThread;
using tests::Peer;
using Kind = ws::DialError::Kind;

constexpr std::chrono::milliseconds short_time = 50ms;

/// A resolver that answers when it is let go.
class HeldResolver {
 public:
  ~HeldResolver() { release(); }

  Dialing::Resolver resolver() {
    return [state = state_](const std::string&, std::uint16_t) {
      std::unique_lock lock(state->mutex);
      state->has_begun = true;
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return state->is_released; });
      return transport::Resolution{.addresses = transport::numeric_addresses("127.0.0.1", 1),
                                   .error = {}};
    };
  }
  bool wait_until_it_has_begun() {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, tests::patience, [&] { return state_->has_begun; });
  }
  void release() {
    const std::lock_guard lock(state_->mutex);
    state_->is_released = true;
    state_->changed.notify_all();
  }
  /// What it answers has been thrown away, and nothing of it is on its way to the loop any more.
  bool wait_until_it_is_gone(LoopThread& thread) {
    release();
    return thread.wait_until([this] { return state_.use_count() == 1; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool has_begun = false;
    bool is_released = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A listener whose queue is full: who connects further gets no answer.
class FullListener {
 public:
  FullListener() : listener_(0) {
    auto address = tests::loopback(listener_.port());
    for (int i = 0; i < 64; ++i) {
      base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
      pollfd poll{.fd = socket.get(), .events = POLLOUT, .revents = 0};
      const bool is_connected = ::poll(&poll, 1, 20) == 1;
      waiting_.push_back(std::move(socket));
      if (!is_connected) {
        is_full_ = true;
        break;
      }
    }
  }
  bool is_full() const { return is_full_; }
  std::string authority() const { return listener_.authority(); }

 private:
  Listener listener_;
  std::vector<base::UniqueFd> waiting_;
  bool is_full_ = false;
};

ws::Dialer short_dialer() { return {.handshake_timeout = short_time}; }

void expect_timeout(Dialing& dialing, std::string_view phase) {
  const auto error = dialing.wait_for_error();
  EXPECT_EQ(error.kind, Kind::timeout);
  EXPECT_TRUE(error.message.ends_with("timed out after 50 ms while " + std::string(phase)))
      << error.message;
}

// ---- the time is over

TEST(DialTimeout, EndsTheLookUp) {
  LoopThread thread;
  HeldResolver held;
  Dialing dialing(thread, "ws://slow.example", short_dialer(), held.resolver());
  expect_timeout(dialing, "looking up the host");
  EXPECT_TRUE(thread.wait_until_empty());
  EXPECT_TRUE(held.wait_until_it_is_gone(thread));
}

TEST(DialTimeout, EndsConnecting) {
  const FullListener full;
  if (!full.is_full()) GTEST_SKIP() << "the kernel's queues do not fill";
  LoopThread thread;
  Dialing dialing(thread, "ws://" + full.authority(), short_dialer());
  expect_timeout(dialing, "connecting");
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST(DialTimeout, EndsTheProxysPart) {
  LoopThread thread;
  Listener proxy;
  ws::Dialer dialer = short_dialer();
  dialer.proxy = "http://" + proxy.authority();
  Dialing dialing(thread, "ws://server.example", dialer);
  Peer peer = proxy.accept();
  expect_timeout(dialing, "asking the proxy");
  tests::receive_head(peer);
  EXPECT_TRUE(peer.receives_end());
}

TEST(DialTimeout, EndsTheTlsHandshake) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, "wss://" + listener.authority(),
                  {.handshake_timeout = short_time, .tls = {.verify = false}});
  const Peer server = listener.accept();
  expect_timeout(dialing, "doing the TLS handshake");
}

TEST(DialTimeout, EndsTheOpeningHandshake) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, "ws://" + listener.authority(), short_dialer());
  Peer server = listener.accept();
  tests::receive_head(server);
  server.send(bytes_of("HTTP/1.1 101 Switching Protocols\r\n"));
  expect_timeout(dialing, "waiting for the answer");
  EXPECT_TRUE(server.receives_end());
  EXPECT_TRUE(thread.wait_until_empty());
}

TEST(DialTimeout, TellsARefusalWhoseBodyDoesNotCome) {
  LoopThread thread;
  Listener listener;
  Dialing dialing(thread, "ws://" + listener.authority(), short_dialer());
  Peer server = listener.accept();
  server.send(bytes_of("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nlater"));
  EXPECT_EQ(dialing.wait_for_error().kind, Kind::refused);
  EXPECT_EQ(dialing.result.status, 503);
  EXPECT_EQ(dialing.result.body, "later");
}

TEST(DialTimeout, LeavesTimeForTheNextAddress) {
  const FullListener full;
  if (!full.is_full()) GTEST_SKIP() << "the kernel's queues do not fill";
  LoopThread thread;
  Listener listener;
  const auto two_addresses = [&](const std::string&, std::uint16_t) {
    const auto port = static_cast<std::uint16_t>(
        std::stoi(full.authority().substr(full.authority().find(':') + 1)));
    auto addresses = transport::numeric_addresses("127.0.0.1", port);
    addresses.push_back(transport::numeric_addresses("127.0.0.1", listener.port())[0]);
    return transport::Resolution{.addresses = addresses, .error = {}};
  };
  Dialing dialing(thread, "ws://two.example", {.handshake_timeout = 3s}, two_addresses);
  Peer server = listener.accept();
  tests::accept_handshake(server);
  ASSERT_TRUE(dialing.wait());
  EXPECT_TRUE(dialing.result) << dialing.result.error.message;
}

// ---- nobody waits any more

enum class Phase { preparing, connecting, tunnelling, securing, opening, refused };
constexpr Phase all_phases[] = {Phase::preparing, Phase::connecting, Phase::tunnelling,
                                Phase::securing,  Phase::opening,    Phase::refused};

/// A server that lets a dial come to one of its phases, and no further.
class StuckServer {
 public:
  explicit StuckServer(Phase phase) : phase_(phase) {}

  std::string url() const {
    if (phase_ == Phase::preparing) return "ws://slow.example";
    if (phase_ == Phase::connecting) return "ws://" + full_.authority();
    return (phase_ == Phase::securing ? "wss://" : "ws://") + listener_.authority();
  }
  ws::Dialer dialer() const {
    if (phase_ == Phase::tunnelling) return {.proxy = "http://" + listener_.authority()};
    return {.tls = {.verify = false}};
  }
  Dialing::Resolver resolver() {
    return phase_ == Phase::preparing ? held_.resolver() : transport::resolve;
  }
  /// Waits until the dial is there.
  void reach() {
    if (phase_ == Phase::preparing) {
      EXPECT_TRUE(held_.wait_until_it_has_begun());
    }
    if (phase_ < Phase::tunnelling) return;
    peer_ = listener_.accept();
    if (phase_ == Phase::securing) {
      EXPECT_EQ(peer_.receive(1).size(), 1U);
    } else {
      tests::receive_head(peer_);
    }
    if (phase_ == Phase::refused)
      peer_.send(bytes_of("HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nlater"));
  }
  void expect_end() {
    if (phase_ == Phase::securing) peer_.receive(10'000);  // the rest of what began it
    if (phase_ >= Phase::tunnelling) {
      EXPECT_TRUE(peer_.receives_end());
    }
  }
  bool wait_until_it_is_gone(LoopThread& thread) { return held_.wait_until_it_is_gone(thread); }

 private:
  Phase phase_;
  HeldResolver held_;
  FullListener full_;
  Listener listener_;
  Peer peer_{base::UniqueFd()};
};

TEST(DialCancelled, ClosesEverything) {
  for (const Phase phase : all_phases) {
    SCOPED_TRACE(static_cast<int>(phase));
    StuckServer server(phase);
    LoopThread thread;
    Dialing dialing(thread, server.url(), server.dialer(), server.resolver());
    server.reach();
    dialing.cancel();
    server.expect_end();
    EXPECT_TRUE(thread.wait_until_empty());
    EXPECT_TRUE(server.wait_until_it_is_gone(thread));
  }
}

/// What the handler below dials, and what comes of it; touched on the loop's thread.
struct Notes {
  std::string url;
  ws::Dialer dialer;
  std::optional<ws::DialResult> result;
};
Notes notes;

ws::Task<> dial(ws::Conn&) { notes.result.emplace(co_await notes.dialer.dial(notes.url)); }

/// A handler that dials until its loop ends.
class DialingHandler : public tests::HandlerOnLoop {
 public:
  explicit DialingHandler(StuckServer& server) : tests::HandlerOnLoop(prepared(server)) {}

 private:
  static ws::HandlerFunction prepared(StuckServer& server) {
    ws::detail::runtime = &handler::runtime();
    notes = {server.url(), server.dialer(), std::nullopt};
    return dial;
  }
};

// A look-up is not among these: a loop outlives the threads' work for it in a real process only.

TEST(DialAtTheLoopsEnd, ClosesEverything) {
  for (const Phase phase : all_phases) {
    if (phase == Phase::preparing) continue;
    SCOPED_TRACE(static_cast<int>(phase));
    StuckServer server(phase);
    DialingHandler session(server);
    server.reach();
    session.thread.stop();
    server.expect_end();
    EXPECT_FALSE(notes.result);
  }
}

TEST(DialAtTheLoopsEnd, IsToldToWhoeverWaits) {
  for (const Phase phase : all_phases) {
    if (phase == Phase::preparing) continue;
    SCOPED_TRACE(static_cast<int>(phase));
    StuckServer server(phase);
    DialingHandler session(server);
    server.reach();
    session.thread.loop().post_stop(tests::patience);
    session.client.receive_frame();  // Close
    session.client.send(tests::close_frame(protocol::Role::client, 1001));
    EXPECT_TRUE(session.client.receives_end());
    session.client.close();
    session.thread.stop(tests::patience);
    ASSERT_TRUE(notes.result);
    EXPECT_EQ(notes.result->error.kind, Kind::going_away);
  }
}

}  // namespace
}  // namespace mod_ws::handler
