#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "mod_ws/handler/dial_attempt.h"
#include "mod_ws/transport/accept_key.h"
#include "tests/support/certificates.h"
#include "tests/support/listener.h"
#include "tests/support/task_on_loop.h"

namespace mod_ws::tests {

/// One dial on a loop's thread; the server is the test's own thread.
class Dialing {
 public:
  using Resolver = handler::DialAttempt::Resolver;

  Dialing(LoopThread& thread, std::string url, ws::Dialer dialer = {},
          Resolver resolver = transport::resolve)
      : thread_(thread),
        url_(std::move(url)),
        dialer_(std::move(dialer)),
        resolver_(std::move(resolver)),
        task_(thread, [this] { return dial(); }) {
    ::signal(SIGPIPE, SIG_IGN);  // as httpd does; OpenSSL writes without MSG_NOSIGNAL
  }
  Dialing(const Dialing&) = delete;
  Dialing& operator=(const Dialing&) = delete;
  ~Dialing() {
    task_.destroy();
    drop();
  }

  /// Waits for it; then `result` may be looked at, and its client not.
  bool wait() { return task_.wait(); }
  /// The same for an error.
  ws::DialError wait_for_error() {
    if (!wait()) return {ws::DialError::Kind::none, "there is no result"};
    return result.error;
  }
  /// Nobody waits for the result any more.
  void cancel() { task_.destroy(); }
  /// Gives the client up.
  void drop() {
    thread_.call([this] { result.client = {}; });
  }
  /// Runs another coroutine with the connection.
  bool run(std::function<ws::Task<>(ws::Conn&)> use) {
    TaskOnLoop task(thread_, [&] { return use(*result.client); });
    return task.wait();
  }

  ws::DialResult result;

 private:
  ws::Task<> dial() {
    auto& loop = *engine::EventLoop::current();
    auto plan = handler::make_dial_plan(url_, dialer_, loop.random(), result.error);
    if (!plan) co_return;
    result =
        co_await handler::DialAttempt::begin(loop, pool(), std::move(*plan), std::move(resolver_));
  }

  /// Its threads may outlive every test.
  static handler::OffloadPool& pool() {
    static handler::OffloadPool the_pool;
    return the_pool;
  }

  LoopThread& thread_;
  std::string url_;
  ws::Dialer dialer_;
  Resolver resolver_;
  TaskOnLoop task_;
};

/// Up to the empty line, without it; what has come when the end comes first.
template <class Stream>
std::string receive_head(Stream& stream) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const Bytes byte = stream.receive(1);
    if (byte.empty()) break;
    head += static_cast<char>(byte[0]);
  }
  return head;
}

/// A header's value in a request; empty if there is none.
inline std::string header_in(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto start = at + name.size() + 4;
  return head.substr(start, head.find("\r\n", start) - start);
}

/// The 101 that a request wants, with more header lines, each ended.
inline std::string accepting(const std::string& request, const std::string& more = {}) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         transport::accept_key(header_in(request, "Sec-WebSocket-Key")) + "\r\n" + more + "\r\n";
}

/// Reads the request and sends the 101; returns the request.
template <class Stream>
std::string accept_handshake(Stream& stream, const std::string& more = {}) {
  const std::string request = receive_head(stream);
  stream.send(bytes_of(accepting(request, more)));
  return request;
}

/// The server's side of TLS on an accepted connection: blocking, with a deadline.
class TlsPeer {
 public:
  TlsPeer(Peer plain, const ContextPtr& context)
      : plain_(std::move(plain)), ssl_(SSL_new(context.get())) {
    const timeval time{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(plain_.fd(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    SSL_set_fd(ssl_.get(), plain_.fd());
    is_accepted_ = SSL_accept(ssl_.get()) == 1;
  }

  bool is_accepted() const { return is_accepted_; }
  std::string server_name() const {
    const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  void send(const Bytes& bytes) {
    SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  Bytes receive(std::size_t size) {
    Bytes bytes(size);
    std::size_t received = 0;
    while (received < size) {
      const int count =
          SSL_read(ssl_.get(), bytes.data() + received, static_cast<int>(size - received));
      if (count <= 0) break;
      received += static_cast<std::size_t>(count);
    }
    bytes.resize(received);
    return bytes;
  }

 private:
  Peer plain_;
  transport::SslPtr ssl_;
  bool is_accepted_ = false;
};

}  // namespace mod_ws::tests
