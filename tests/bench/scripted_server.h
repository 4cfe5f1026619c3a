#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/load/options.h"
#include "tests/support/listener.h"

namespace mod_ws::bench {

/// A server for as many sessions as the load opens, on a thread of its own. It does as it is told,
/// which may be wrong.
class ScriptedServer {
 public:
  using Serve = std::function<void(ScriptedServer&)>;

  explicit ScriptedServer(Serve serve)
      : serve_(std::move(serve)), thread_([this] { serve_until_end(); }) {}
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() { thread_.join(); }

  Options options(std::size_t connections) const {
    Options options;
    options.target.port = listener_.port();
    options.publish_path = "/publish";
    options.connections = connections;
    options.patience = std::chrono::milliseconds(300);
    return options;
  }

  /// For the script.
  tests::Peer accept() { return listener_.accept(); }
  tests::Peer accept_session() {
    tests::Peer session = accept();
    receive_head(session);
    send(session,
         "HTTP/1.1 101 Switching Protocols\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    return session;
  }

  static void send(tests::Peer& peer, std::string_view text) {
    peer.send({text.begin(), text.end()});
  }
  /// Throws at the connection's end.
  static std::string receive_head(tests::Peer& peer) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const auto byte = peer.receive(1);
      if (byte.empty()) throw std::runtime_error("end");
      head += static_cast<char>(byte[0]);
    }
    return head;
  }

 private:
  void serve_until_end() {
    try {
      serve_(*this);
    } catch (const std::runtime_error&) {  // the load has gone, which is for the test to judge
    }
  }

  tests::Listener listener_;
  Serve serve_;
  std::thread thread_;
};

}  // namespace mod_ws::bench
