// The backend that relays are measured with: accepts every WebSocket handshake, and sends each
// frame back unmasked, as far as it has come; after a Close frame it ends the connection. One
// thread, which costs less than any relay does. It publishes as well: what is posted goes to all
// sessions, by a send(2) for each.
//
//   echo_backend      prints the port on 127.0.0.1, and ends with standard input

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mod_ws/base/unique_fd.h"
#include "mod_ws/protocol/frame_header.h"
#include "mod_ws/transport/accept_key.h"

namespace {

using namespace mod_ws;

constexpr std::size_t read_bytes = 256 << 10;

class Client {
 public:
  explicit Client(base::UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  bool has_more_to_send() const { return !out_.empty(); }
  bool is_open() const { return is_open_; }

  /// The first complete request that is no handshake; empty if none has come.
  std::string take_request() {
    const std::size_t head = in_.find("\r\n\r\n");
    if (is_open_ || head == std::string::npos) return {};
    const std::string length = field("content-length: ");
    const std::size_t size = head + 4 + (length.empty() ? 0 : std::stoul(length));
    if (in_.size() < size) return {};
    std::string request = in_.substr(0, size);
    in_.erase(0, size);
    return request;
  }

  /// False when the client has gone.
  bool receive() {
    if (has_more_to_send()) return send();
    static std::array<std::uint8_t, read_bytes> buffer;
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    const std::span bytes(buffer.data(), static_cast<std::size_t>(size));
    if (is_open_) {
      echo(bytes);
    } else {
      open(bytes);
    }
    return send();
  }

  bool send(std::string_view bytes) {
    out_.append(bytes);
    return send();
  }
  bool send() {
    const ssize_t sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    out_.erase(0, static_cast<std::size_t>(sent));
    return !has_closed_ || left_ > 0 || has_more_to_send();
  }

 private:
  void open(std::span<const std::uint8_t> bytes) {
    in_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t end = in_.find("\r\n\r\n");
    const std::string key = field("sec-websocket-key: ");
    if (end == std::string::npos || key.empty()) return;
    out_ =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        transport::accept_key(key) + "\r\n\r\n";
    is_open_ = true;
    in_.clear();
  }

  /// Empty where there is none. Proxies write the name in different ways.
  std::string field(std::string_view name) const {
    std::string lower = in_;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const std::size_t at = lower.find(name);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size();
    return in_.substr(begin, in_.find("\r\n", begin) - begin);
  }

  void echo(std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
      if (left_ == 0) {
        bytes = bytes.subspan(receive_header(bytes));
        continue;
      }
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      protocol::mask(bytes.first(size), key_);
      key_ = protocol::rotated(key_, size);
      out_.append(reinterpret_cast<const char*>(bytes.data()), size);
      bytes = bytes.subspan(size);
      left_ -= size;
    }
  }

  /// Returns how many of the bytes belong to the header.
  std::size_t receive_header(std::span<const std::uint8_t> bytes) {
    const std::size_t known = in_.size();
    const std::size_t size = std::min(bytes.size(), protocol::max_frame_header_bytes - known);
    in_.append(reinterpret_cast<const char*>(bytes.data()), size);
    protocol::FrameHeader header;
    bool is_minimal = false;
    const std::size_t used = protocol::parse_frame_header(
        {reinterpret_cast<const std::uint8_t*>(in_.data()), in_.size()}, header, is_minimal);
    if (used == 0) return size;
    in_.clear();
    left_ = header.payload_length;
    key_ = header.masking_key;
    has_closed_ = header.opcode == protocol::Opcode::close;
    header.masked = false;
    std::array<std::uint8_t, protocol::max_frame_header_bytes> answer;
    const std::size_t answer_bytes = protocol::serialize_frame_header(header, answer);
    out_.append(reinterpret_cast<const char*>(answer.data()), answer_bytes);
    return used - known;
  }

  base::UniqueFd fd_;
  std::string in_;   ///< Of the request's head, then of a frame's header.
  std::string out_;  ///< Keeps its memory.
  std::uint64_t left_ = 0;
  protocol::MaskingKey key_{};
  bool is_open_ = false;
  bool has_closed_ = false;
};

base::UniqueFd listen_anywhere() {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), any, size) != 0 || ::listen(fd.get(), 4096) != 0 ||
      ::getsockname(fd.get(), any, &size) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

class Backend {
 public:
  Backend() : listener_(listen_anywhere()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_.get(), EPOLL_CTL_ADD, EPOLLIN);
    watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN);
  }

  void run() {
    while (!has_ended_) {
      std::array<epoll_event, 256> events;
      const int count =
          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) serve(events[static_cast<std::size_t>(i)].data.fd);
    }
  }

 private:
  void serve(int fd) {
    if (fd == STDIN_FILENO) {
      has_ended_ = true;
    } else if (fd == listener_.get()) {
      accept();
    } else {
      serve(*clients_[static_cast<std::size_t>(fd)]);
    }
  }

  void serve(Client& client) {
    const int fd = client.fd();
    const bool waited = client.has_more_to_send();
    if (!client.receive() || !answer_all(client)) {
      clients_[static_cast<std::size_t>(fd)].reset();
    } else if (client.has_more_to_send() != waited) {
      watch(fd, EPOLL_CTL_MOD, waited ? EPOLLIN : EPOLLOUT);
    }
  }

  bool answer_all(Client& client) {
    for (std::string request = client.take_request(); !request.empty();
         request = client.take_request()) {
      if (!answer(client, request)) return false;
    }
    return true;
  }

  bool answer(Client& client, const std::string& request) {
    if (!request.starts_with("POST ")) {
      const std::string body = R"({"subscribers":)" + std::to_string(count_open()) + "}";
      return client.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                         "\r\n\r\n" + body);
    }
    publish(std::string_view(request).substr(request.find("\r\n\r\n") + 4));
    return client.send("HTTP/1.1 204 No Content\r\n\r\n");
  }

  /// Nobody here is so slow that he would not take a whole frame.
  void publish(std::string_view payload) {
    std::array<std::uint8_t, protocol::max_frame_header_bytes> head;
    const std::size_t size = protocol::serialize_frame_header(
        {.payload_length = payload.size(), .opcode = protocol::Opcode::text}, head);
    const std::string frame =
        std::string(head.begin(), head.begin() + static_cast<long>(size)).append(payload);
    for (const auto& client : clients_) {
      if (client && client->is_open()) client->send(frame);
    }
  }

  std::ptrdiff_t count_open() const {
    return std::count_if(clients_.begin(), clients_.end(),
                         [](const auto& client) { return client && client->is_open(); });
  }

  void accept() {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) return;
    const int yes = 1, number = fd.get();
    ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    clients_.resize(std::max(clients_.size(), static_cast<std::size_t>(number) + 1));
    clients_[static_cast<std::size_t>(number)] = std::make_unique<Client>(std::move(fd));
    watch(number, EPOLL_CTL_ADD, EPOLLIN);
  }

  void watch(int fd, int operation, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  base::UniqueFd listener_, epoll_;
  std::vector<std::unique_ptr<Client>> clients_;  ///< By descriptor.
  bool has_ended_ = false;
};

}  // namespace

int main() {
  Backend().run();
  return 0;
}
