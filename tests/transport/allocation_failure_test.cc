#include <gtest/gtest.h>
#include <openssl/err.h>

#include <optional>
#include <thread>

#include "mod_ws/transport/tls_client.h"
#include "mod_ws/transport/transport.h"
#include "tests/support/allocations.h"
#include "tests/support/certificates.h"
#include "tests/support/each_failure.h"
#include "tests/support/failing_openssl.h"
#include "tests/support/tls_pair.h"

namespace mod_ws::transport {
namespace {

using tests::Bytes;
using tests::for_each_allocation_failing;
using Status = IoResult::Status;

/// There are more than two thousand.
constexpr std::size_t many = 11;

/// Where no allocation fails.
template <class Act>
void elsewhere(Act act) {
  std::thread(act).join();
}

class AllocationFailure : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(tests::openssl_memory_fails); }
};

/// The first session too: what all of them use is made by the one that can.
TEST_F(AllocationFailure, LeavesNoHalfOfATlsTransport) {
  const tests::ContextPtr context(SSL_CTX_new(TLS_client_method()));
  const auto failures = for_each_allocation_failing([&] {
    tests::SocketPair pair;
    SslPtr ssl;
    elsewhere([&] {
      pair = tests::make_socket_pair();
      ssl.reset(SSL_new(context.get()));
    });
    const Transport tls(std::move(pair.ours), std::move(ssl));
    EXPECT_GE(tls.fd(), 0);
  });
  EXPECT_GT(failures, 1U);
}

TEST_F(AllocationFailure, EndsReadsAndWritesWithAnError) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Bytes sent = tests::pattern(40'000);
    Bytes received(50'000);
    const auto failures = for_each_allocation_failing([&] {
      std::optional<tests::TlsPair> pair;
      elsewhere([&] { pair.emplace(version); });
      const IoResult written = pair->client->write_some(sent, {});
      const IoResult read = pair->server->read_some(received);
      pair->client->shutdown_write();
      pair->server->shutdown_write();
      EXPECT_TRUE(written.status == Status::failed || written.bytes == sent.size());
      if (written.status == Status::failed || read.status == Status::failed) return;
      EXPECT_TRUE(std::equal(received.begin(), received.begin() + read.bytes, sent.begin()));
    });
    EXPECT_GT(failures, 2U);
  }
}

struct Server {
  tests::Certificate certificate{"DNS:localhost"};
  tests::TemporaryFile ca_file{certificate.pem()};
  tests::ContextPtr context = certificate.server_context();
};

TEST_F(AllocationFailure, IsTheReasonOfAClientsHandshakeThatFails) {
  const Server server;
  std::string error;
  const SslContextPtr context = tls_client_context({.ca_file = server.ca_file.name()}, error);
  ASSERT_TRUE(context) << error;
  std::size_t done = 0;
  std::size_t failed = 0;
  for_each_allocation_failing(
      [&] {
        tests::SocketPair pair;
        SslPtr ssl;
        elsewhere([&] {
          pair = tests::make_socket_pair();
          ssl.reset(SSL_new(server.context.get()));
          SSL_set_fd(ssl.get(), pair.theirs.get());
          SSL_set_accept_state(ssl.get());
        });
        TlsClientHandshake client(context, std::move(pair.ours), "localhost");
        auto status = TlsClientHandshake::Status::wants_read;
        for (int i = 0; i < 20 && status == TlsClientHandshake::Status::wants_read; ++i) {
          status = client.go_on();
          elsewhere([&] { SSL_do_handshake(ssl.get()); });
        }
        if (status == TlsClientHandshake::Status::done) {
          ++done;
          const Transport tls = client.take();
        } else {
          ++failed;
          EXPECT_EQ(status, TlsClientHandshake::Status::failed);
          EXPECT_NE(client.error(), "");
        }
      },
      many);
  EXPECT_GT(done, 10U) << "where OpenSSL can do without";
  EXPECT_GT(failed, 10U);
}

TEST_F(AllocationFailure, IsTheReasonOfAClientsContextThatThereIsNot) {
  const Server server;
  std::size_t failed = 0;
  for_each_allocation_failing(
      [&] {
        std::optional<tests::TemporaryFile> ca_file;  // another, so that no context is kept for it
        elsewhere([&] { ca_file.emplace(server.certificate.pem()); });
        std::string error;
        const auto context = tls_client_context({.ca_file = ca_file->name()}, error);
        if (context != nullptr) return;
        ++failed;
        EXPECT_NE(error, "");
      },
      many);
  EXPECT_GT(failed, 10U);
}

}  // namespace
}  // namespace mod_ws::transport
