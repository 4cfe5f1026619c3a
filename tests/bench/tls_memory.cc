// What OpenSSL needs for a server's session that has echoed once and is idle: `tls_memory
// CERTIFICATE KEY` prints bytes, as malloc() counts them. Its buffers are given back, as mod_ws has
// it.

#include <fcntl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, Free>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free>;

constexpr std::size_t first_ones = 100;  // so that there is what is made once
constexpr std::size_t count = 2'000;

void expect(bool is_right, const char* what) {
  if (!is_right) throw std::runtime_error(what);
}

ContextPtr make_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  expect(context != nullptr, "no context");
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256");
  return context;
}

ContextPtr make_server_context(const char* certificate, const char* key) {
  ContextPtr context = make_context(TLS_server_method());
  expect(SSL_CTX_use_certificate_file(context.get(), certificate, SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(context.get(), key, SSL_FILETYPE_PEM) == 1,
         "no certificate");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

SslPtr make_end(SSL_CTX& context, int socket) {
  SslPtr ssl(SSL_new(&context));
  expect(ssl != nullptr && SSL_set_fd(ssl.get(), socket) == 1, "no TLS");
  return ssl;
}

void shake_hands(SSL& client, SSL& server) {
  SSL_set_connect_state(&client);
  SSL_set_accept_state(&server);
  for (int i = 0; i < 10; ++i) {
    const bool client_is_done = SSL_do_handshake(&client) == 1;
    if (SSL_do_handshake(&server) == 1 && client_is_done) return;
  }
  throw std::runtime_error("no handshake");
}

void pass(SSL& from, SSL& to) {
  std::array<char, 32> message{};
  const int size = message.size();
  expect(
      SSL_write(&from, message.data(), size) == size && SSL_read(&to, message.data(), size) == size,
      "no message");
}

/// The server's end; the client's has gone.
SslPtr idle_session(SSL_CTX& client_context, SSL_CTX& server_context) {
  int sockets[2];
  expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets) == 0, "no sockets");
  const SslPtr client = make_end(client_context, sockets[0]);
  SslPtr server = make_end(server_context, sockets[1]);
  shake_hands(*client, *server);
  pass(*client, *server);
  pass(*server, *client);
  for (const int socket : sockets) ::close(socket);  // nothing more is sent
  return server;
}

std::vector<SslPtr> idle_sessions(std::size_t number, SSL_CTX& client, SSL_CTX& server) {
  std::vector<SslPtr> sessions;
  sessions.reserve(number);
  while (sessions.size() < number) sessions.push_back(idle_session(client, server));
  return sessions;
}

void run(const char* certificate, const char* key) {
  const ContextPtr client = make_context(TLS_client_method());
  const ContextPtr server = make_server_context(certificate, key);
  const auto first = idle_sessions(first_ones, *client, *server);
  const std::size_t before = ::mallinfo2().uordblks;
  const auto sessions = idle_sessions(count, *client, *server);
  const std::size_t list = sessions.capacity() * sizeof(SslPtr);
  std::printf("%zu\n", (::mallinfo2().uordblks - before - list) / count);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    expect(argc == 3, "usage: tls_memory CERTIFICATE KEY");
    run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tls_memory: %s\n", error.what());
    return 1;
  }
}
