#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

#include "mod_ws/handler/handler_session.h"
#include "mod_ws/handler/loop_runtime.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

struct HandlerOptions {
  connection::Policy policy{};
  int buffer_bytes = 0;
  Bytes already_read{};
  std::optional<connection::CompressionTerms> compression = std::nullopt;
  std::vector<std::string> kept_headers{};
};

/// permessage-deflate, with context takeover in both directions or in none.
inline connection::CompressionTerms agreed_compression(bool keeps_context) {
  protocol::DeflateParameters agreed;
  agreed.server_no_context_takeover = agreed.client_no_context_takeover = !keeps_context;
  return {.agreed = agreed, .reservation = {}};
}

/// A handler's session on a loop's thread; its client here.
class HandlerOnLoop {
 public:
  explicit HandlerOnLoop(std::function<ws::Task<>(ws::Conn&)> handler, HandlerOptions options = {})
      : client(base::UniqueFd()), policy_(options.policy) {
    ws::detail::runtime = &mod_ws::handler::runtime();
    policy_.validates_messages = true;  // as handlers have it
    auto pair = make_socket_pair(options.buffer_bytes);
    client = Peer(std::move(pair.theirs));
    thread.loop().post_adoption(std::make_unique<handler::HandlerSession>(
        thread.loop(), transport::Transport(std::move(pair.ours)),
        handler::HandlerTerms{.handler = std::move(handler),
                              .policy = policy_,
                              .uri = "/chat?room=1",
                              .remote_address = "192.0.2.7:51522",
                              .user = "alice",
                              .subprotocol = "chat.v1",
                              .kept_headers = std::move(options.kept_headers),
                              .already_read = std::move(options.already_read),
                              .compression = std::move(options.compression)}));
  }

  bool wait_until(const std::function<bool()>& condition) { return thread.wait_until(condition); }
  /// Answers the Close frame that must come next, and lets the session end.
  void expect_close_and_answer(int code) {
    const auto received = client.receive_frame();
    ASSERT_TRUE(received) << "the end came instead of Close " << code;
    EXPECT_EQ(received->opcode, protocol::Opcode::close);
    EXPECT_EQ(received->close_code(), code);
    client.send(close_frame(protocol::Role::client, code));
    EXPECT_TRUE(client.receives_end());
    client.close();
    EXPECT_TRUE(thread.wait_until_empty());
  }

  Peer client;

 private:
  connection::Policy policy_;

 public:
  LoopThread thread;  // last: nothing outlives its loop
};

}  // namespace mod_ws::tests
