// How fast a published message reaches many subscribers, in deliveries a second. The client shares
// the machine with the server.
//
//   broadcast_bench server PORT SUBSCRIBERS MESSAGES WINDOW
//     Opens the subscriptions, posts messages of 100 bytes to the server's publish location, at
//     most WINDOW of them before the first has reached everybody, and counts what arrives.
//   broadcast_bench floor SUBSCRIBERS MESSAGES
//     The same frames without any server: a process that calls send(2) for each connection in turn.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t payload_bytes = 100;
constexpr std::size_t frame_bytes = payload_bytes + 2;
constexpr int wait_ms = 10'000;

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
  return fd;
}

void send_all(int fd, const std::string& text) {
  if (::send(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("cannot send");
}

std::string read_head(int fd) {
  std::string head;
  char byte;
  while (!head.ends_with("\r\n\r\n")) {
    if (::recv(fd, &byte, 1, 0) != 1) throw std::runtime_error("no answer");
    head += byte;
  }
  return head;
}

/// A session that gets what is published to the channel, and nothing else.
int subscribe(int port) {
  const int fd = connect_to(port);
  send_all(
      fd,
      "GET /subscribe HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  if (read_head(fd).find(" 101 ") == std::string::npos) throw std::runtime_error("no session");
  return fd;
}

std::size_t subscribers_of(int port) {
  const int fd = connect_to(port);
  send_all(fd, "GET /publish/bench HTTP/1.0\r\nHost: localhost\r\n\r\n");
  read_head(fd);
  std::array<char, 256> body{};
  if (::recv(fd, body.data(), body.size() - 1, MSG_WAITALL) < 0)
    throw std::runtime_error("no count");
  ::close(fd);
  return static_cast<std::size_t>(
      std::strtoul(body.data() + sizeof "{\"subscribers\":", nullptr, 10));
}

/// Counts bytes on all connections until there are so many.
class Receiver {
 public:
  explicit Receiver(const std::vector<int>& connections) : epoll_(::epoll_create1(0)) {
    for (const int fd : connections) {
      epoll_event event{};
      event.events = EPOLLIN | EPOLLET;
      event.data.fd = fd;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
  }

  void receive(std::size_t bytes) {
    std::array<epoll_event, 1024> events;
    std::array<char, 16 << 10> buffer;
    while (received_ < bytes) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
      if (count <= 0) throw std::runtime_error("messages are missing");
      for (int i = 0; i < count; ++i) {
        const auto got = ::recv(events[static_cast<std::size_t>(i)].data.fd, buffer.data(),
                                buffer.size(), MSG_DONTWAIT);
        if (got > 0) received_ += static_cast<std::size_t>(got);
      }
    }
  }

 private:
  int epoll_;
  std::size_t received_ = 0;
};

class Stopwatch {
 public:
  double a_second(std::size_t deliveries) const {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin_;
    return static_cast<double>(deliveries) / time.count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double server_rate(int port, std::size_t subscribers, std::size_t messages, std::size_t window) {
  std::vector<int> connections;
  for (std::size_t i = 0; i < subscribers; ++i) connections.push_back(subscribe(port));
  while (subscribers_of(port) < subscribers) ::usleep(10'000);
  Receiver receiver(connections);
  const int publisher = connect_to(port);
  const std::string post =
      "POST /publish/bench HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "text/plain\r\nContent-Length: " +
      std::to_string(payload_bytes) + "\r\n\r\n" + std::string(payload_bytes, 'x');
  const Stopwatch stopwatch;
  for (std::size_t sent = 1; sent <= messages; ++sent) {
    send_all(publisher, post);
    read_head(publisher);
    if (sent > window) receiver.receive((sent - window) * subscribers * frame_bytes);
  }
  receiver.receive(messages * subscribers * frame_bytes);
  return stopwatch.a_second(subscribers * messages);
}

/// Sends a frame to each connection for every byte that comes from `orders`.
[[noreturn]] void serve_floor(int listener, std::size_t subscribers, int orders) {
  std::vector<int> connections;
  for (std::size_t i = 0; i < subscribers; ++i) {
    connections.push_back(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK));
    const int on = 1;
    ::setsockopt(connections.back(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const std::array<char, frame_bytes> frame{};
  char order;
  while (::read(orders, &order, 1) == 1) {
    for (const int fd : connections) {
      if (::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) != ssize_t{frame_bytes}) ::_exit(1);
    }
  }
  ::_exit(0);
}

double floor_rate(std::size_t subscribers, std::size_t messages) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  std::array<int, 2> orders{};
  if (::listen(listener, SOMAXCONN) != 0 || ::pipe(orders.data()) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen");
  const pid_t server = ::fork();
  if (server == 0) {
    ::close(orders[1]);
    serve_floor(listener, subscribers, orders[0]);
  }
  std::vector<int> connections;
  for (std::size_t i = 0; i < subscribers; ++i)
    connections.push_back(connect_to(ntohs(address.sin_port)));
  Receiver receiver(connections);
  const Stopwatch stopwatch;
  for (std::size_t sent = 1; sent <= messages; ++sent) {
    if (::write(orders[1], "x", 1) != 1) throw std::runtime_error("the sender has gone");
    if (sent > 1) receiver.receive((sent - 1) * subscribers * frame_bytes);
  }
  receiver.receive(messages * subscribers * frame_bytes);
  const double rate = stopwatch.a_second(subscribers * messages);
  ::close(orders[1]);
  ::waitpid(server, nullptr, 0);
  return rate;
}

double rate(const std::vector<std::string>& arguments) {
  const auto number = [&](std::size_t i) {
    return std::strtoul(arguments[i].c_str(), nullptr, 10);
  };
  if (arguments.size() == 5 && arguments[0] == "server")
    return server_rate(static_cast<int>(number(1)), number(2), number(3), number(4));
  if (arguments.size() == 3 && arguments[0] == "floor") return floor_rate(number(1), number(2));
  throw std::runtime_error(
      "usage: broadcast_bench server PORT SUBSCRIBERS MESSAGES WINDOW\n"
      "       broadcast_bench floor SUBSCRIBERS MESSAGES");
}

}  // namespace

int main(int argc, char** argv) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  try {
    std::printf("%.0f\n", rate({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
