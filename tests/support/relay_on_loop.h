#pragma once

#include <memory>
#include <utility>

#include "mod_ws/proxy/relay.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

namespace mod_ws::tests {

struct RelayOptions {
  connection::Policy policy{};
  std::uint8_t allowed_rsv = 0;
  int buffer_bytes = 0;
  Bytes already_read_client{};
  Bytes already_read_backend{};
  /// permessage-deflate of one side with the relay.
  bool compresses_client = false;
  bool compresses_backend = false;
  /// permessage-deflate of both sides with each other, to be checked.
  bool passes_compression = false;
  bool backend_is_byte_stream = false;
  std::unique_ptr<connection::SessionRecord> record{};
};

inline std::optional<connection::CompressionTerms> terms_if(bool agreed) {
  if (!agreed) return std::nullopt;
  return connection::CompressionTerms{.agreed = {}, .reservation = {}};
}

/// A relay on a loop's thread; client and backend here.
class RelayOnLoop {
 public:
  explicit RelayOnLoop(RelayOptions options = {})
      : client(base::UniqueFd()), backend(base::UniqueFd()), policy_(options.policy) {
    auto client_pair = make_socket_pair(options.buffer_bytes);
    auto backend_pair = make_socket_pair(options.buffer_bytes);
    client = Peer(std::move(client_pair.theirs));
    backend = Peer(std::move(backend_pair.theirs));
    thread.loop().post_adoption(std::make_unique<proxy::Relay>(
        thread.loop(), transport::Transport(std::move(client_pair.ours)),
        transport::Transport(std::move(backend_pair.ours)),
        proxy::RelayTerms{.policy = policy_,
                          .allowed_rsv = options.allowed_rsv,
                          .passed_compression = terms_if(options.passes_compression),
                          .client_compression = terms_if(options.compresses_client),
                          .backend_compression = terms_if(options.compresses_backend),
                          .backend_is_byte_stream = options.backend_is_byte_stream,
                          .worker = "ws://backend",
                          .client = "192.0.2.7:51522",
                          .uri = "/chat",
                          .already_read_client = std::move(options.already_read_client),
                          .already_read_backend = std::move(options.already_read_backend),
                          .record = std::move(options.record)}));
  }

  /// A turn of the loop: what was sent before is seen after it.
  void turn() {
    for (int i = 0; i < 2; ++i) thread.call([] {});
  }

  Peer client;
  Peer backend;

 private:
  connection::Policy policy_;

 public:
  LoopThread thread;  // last: nothing outlives its loop
};

}  // namespace mod_ws::tests
