#pragma once

#include <optional>
#include <stdexcept>
#include <utility>

#include "mod_ws/transport/transport.h"
#include "tests/support/certificates.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

/// Two TLS transports whose handshake is done, in one thread.
struct TlsPair {
  explicit TlsPair(int version = TLS1_3_VERSION, int buffer_bytes = 0) {
    SocketPair pair = make_socket_pair(buffer_bytes);
    const ContextPtr server_side = Certificate("DNS:test").server_context();
    const ContextPtr client_side(SSL_CTX_new(TLS_client_method()));
    transport::SslPtr server_ssl(SSL_new(server_side.get()));
    transport::SslPtr client_ssl(SSL_new(client_side.get()));
    SSL_set_max_proto_version(client_ssl.get(), version);
    SSL_set_fd(server_ssl.get(), pair.ours.get());
    SSL_set_fd(client_ssl.get(), pair.theirs.get());
    SSL_set_accept_state(server_ssl.get());
    SSL_set_connect_state(client_ssl.get());
    for (int i = 0; i < 20; ++i) {
      SSL_do_handshake(client_ssl.get());
      SSL_do_handshake(server_ssl.get());
    }
    if (SSL_is_init_finished(server_ssl.get()) == 0 || SSL_is_init_finished(client_ssl.get()) == 0)
      throw std::runtime_error("handshake");
    server.emplace(std::move(pair.ours), std::move(server_ssl));
    client.emplace(std::move(pair.theirs), std::move(client_ssl));
    Bytes none(1);
    client->read_some(none);  // TLS 1.3's tickets: a socket closed with unread bytes is reset
  }
  std::optional<transport::Transport> server;
  std::optional<transport::Transport> client;
};

}  // namespace mod_ws::tests
