#include "mod_ws/transport/tls_client.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <optional>

#include "tests/support/certificates.h"
#include "tests/support/peer.h"

namespace mod_ws::transport {
namespace {

using tests::Certificate;
using tests::ContextPtr;
using tests::TemporaryFile;
using Status = TlsClientHandshake::Status;

constexpr const char* names = "DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:::1";

/// One handshake, both sides in one thread.
struct Handshake {
  Handshake(const TlsClientSettings& settings, const std::string& server_name,
            const ContextPtr& server_context) {
    tests::SocketPair pair = tests::make_socket_pair();
    server = SslPtr(SSL_new(server_context.get()));
    SSL_set_fd(server.get(), pair.theirs.get());
    SSL_set_accept_state(server.get());
    std::string error;
    const auto context = tls_client_context(settings, error);
    if (context == nullptr) throw std::runtime_error(error);
    TlsClientHandshake client(context, std::move(pair.ours), server_name);
    for (int i = 0; i < 20 && status != Status::done && status != Status::failed; ++i) {
      status = client.go_on();
      SSL_do_handshake(server.get());
      ERR_clear_error();
    }
    SSL_do_handshake(server.get());  // with what came last
    error_text = client.error();
    if (status == Status::done) tls.emplace(client.take());
    peer.emplace(std::move(pair.theirs));
  }

  bool is_done() const { return status == Status::done; }

  Status status = Status::wants_read;
  std::string error_text;
  std::optional<Transport> tls;
  std::optional<tests::Peer> peer;
  SslPtr server;
};

class TlsClient : public testing::Test {
 protected:
  TlsClientSettings trusting() const { return {.ca_file = ca_file.name()}; }

  Certificate certificate{names};
  TemporaryFile ca_file{certificate.pem()};
  ContextPtr context = certificate.server_context();
};

TEST_F(TlsClient, TrustsWhoItIsTold) {
  for (const char* const name : {"localhost", "LOCALHOST", "www.example.org", "127.0.0.1", "::1"}) {
    Handshake handshake(trusting(), name, context);
    ASSERT_TRUE(handshake.is_done()) << name << ": " << handshake.error_text;
    EXPECT_EQ(handshake.tls->write_some(tests::bytes_of("x"), {}).bytes, 1U);
    char byte = 0;
    EXPECT_EQ(SSL_read(handshake.server.get(), &byte, 1), 1);
  }
}

TEST_F(TlsClient, TrustsNobodyElseByDefault) {
  const Handshake handshake({}, "localhost", context);
  EXPECT_EQ(handshake.status, Status::failed);
  EXPECT_NE(handshake.error_text.find("certificate is not accepted: self-signed certificate"),
            std::string::npos)
      << handshake.error_text;
}

TEST_F(TlsClient, TrustsNobodyUnderAnotherName) {
  for (const char* const name :
       {"example.org", "a.b.example.org", "localhost.example", "127.0.0.2", "::2", "mod_ws test"}) {
    const Handshake handshake(trusting(), name, context);
    EXPECT_EQ(handshake.status, Status::failed) << name;
    EXPECT_NE(handshake.error_text.find("mismatch"), std::string::npos) << handshake.error_text;
  }
}

TEST_F(TlsClient, TrustsAnybodyWhenAskedTo) {
  EXPECT_TRUE(Handshake({.verifies = false}, "other.example", context).is_done());
}

TEST_F(TlsClient, TellsTheServerItsNameButNoAddress) {
  const Handshake named(trusting(), "www.example.org", context);
  EXPECT_STREQ(SSL_get_servername(named.server.get(), TLSEXT_NAMETYPE_host_name),
               "www.example.org");
  const Handshake numeric(trusting(), "127.0.0.1", context);
  EXPECT_EQ(SSL_get_servername(numeric.server.get(), TLSEXT_NAMETYPE_host_name), nullptr);
}

TEST_F(TlsClient, AsksForHttp11) {
  std::string asked;
  SSL_CTX_set_alpn_select_cb(
      context.get(),
      [](SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
         unsigned int in_size, void* text) {
        static_cast<std::string*>(text)->assign(reinterpret_cast<const char*>(in), in_size);
        *out = in + 1;
        *out_size = in[0];
        return SSL_TLSEXT_ERR_OK;
      },
      &asked);
  EXPECT_TRUE(Handshake(trusting(), "localhost", context).is_done());
  EXPECT_EQ(asked, "\x08http/1.1");
}

TEST_F(TlsClient, SpeaksTls12AndLater) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ContextPtr only = certificate.server_context();
    SSL_CTX_set_min_proto_version(only.get(), version);
    SSL_CTX_set_max_proto_version(only.get(), version);
    EXPECT_TRUE(Handshake(trusting(), "localhost", only).is_done()) << version;
  }
  const ContextPtr old = certificate.server_context();
  SSL_CTX_set_min_proto_version(old.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.get(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(old.get(), 0);
  const Handshake handshake(trusting(), "localhost", old);
  EXPECT_EQ(handshake.status, Status::failed);
  EXPECT_NE(handshake.error_text, "");
}

TEST_F(TlsClient, ShowsItsOwnCertificate) {
  const Certificate own("DNS:client");
  const TemporaryFile own_file(own.pem() + own.key_pem());
  const TemporaryFile key_file(own.key_pem());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ASSERT_EQ(SSL_CTX_load_verify_file(context.get(), own_file.name().c_str()), 1);
  TlsClientSettings settings = trusting();
  settings.certificate_file = own_file.name();
  const Handshake in_one_file(settings, "localhost", context);
  EXPECT_NE(SSL_get0_peer_certificate(in_one_file.server.get()), nullptr);
  settings.key_file = key_file.name();
  const Handshake in_two_files(settings, "localhost", context);
  EXPECT_NE(SSL_get0_peer_certificate(in_two_files.server.get()), nullptr);
  EXPECT_EQ(SSL_get0_peer_certificate(Handshake(trusting(), "localhost", context).server.get()),
            nullptr);
}

TEST_F(TlsClient, NamesTheFileThatIsOfNoUse) {
  const TemporaryFile garbage("garbage");
  const TemporaryFile own_file(Certificate("DNS:client").pem());
  const TemporaryFile other_key(Certificate("DNS:other").key_pem());
  const std::string missing = "/nonexistent/file.pem";
  for (const auto& [settings, file] : std::vector<std::pair<TlsClientSettings, std::string>>{
           {{.ca_file = missing}, missing},
           {{.ca_file = garbage.name()}, garbage.name()},
           {{.certificate_file = missing}, missing},
           {{.certificate_file = garbage.name()}, garbage.name()},
           {{.certificate_file = own_file.name()}, own_file.name()},  // without a key
           {{.certificate_file = own_file.name(), .key_file = missing}, missing},
           {{.certificate_file = own_file.name(), .key_file = other_key.name()},
            other_key.name()}}) {
    std::string error;
    EXPECT_EQ(tls_client_context(settings, error), nullptr);
    EXPECT_NE(error.find(file), std::string::npos) << error;
  }
}

TEST_F(TlsClient, KeepsContextsUntilAFileChanges) {
  std::string error;
  const auto first = tls_client_context(trusting(), error);
  EXPECT_EQ(tls_client_context(trusting(), error), first);
  EXPECT_NE(tls_client_context({}, error), first);
  EXPECT_EQ(tls_client_context(trusting(), error), first);
  const Certificate other(names);
  ca_file.write(other.pem());
  EXPECT_NE(tls_client_context(trusting(), error), first);
  EXPECT_TRUE(Handshake(trusting(), "localhost", other.server_context()).is_done());
}

TEST_F(TlsClient, WaitsForTheServer) {
  tests::SocketPair pair = tests::make_socket_pair();
  std::string error;
  TlsClientHandshake client(tls_client_context(trusting(), error), std::move(pair.ours),
                            "localhost");
  EXPECT_EQ(client.go_on(), Status::wants_read);
  EXPECT_EQ(client.go_on(), Status::wants_read);
}

TEST_F(TlsClient, FailsOnWhatIsNoTls) {
  for (const std::string_view answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", ""}) {
    tests::SocketPair pair = tests::make_socket_pair();
    std::string error;
    TlsClientHandshake client(tls_client_context(trusting(), error), std::move(pair.ours),
                              "localhost");
    EXPECT_EQ(client.go_on(), Status::wants_read);
    tests::Peer server(std::move(pair.theirs));
    server.send(tests::bytes_of(answer));
    server.shutdown_write();
    EXPECT_EQ(client.go_on(), Status::failed);
    EXPECT_EQ(client.error(),
              answer.empty() ? "the server ended the connection" : "wrong version number");
  }
}

}  // namespace
}  // namespace mod_ws::transport
