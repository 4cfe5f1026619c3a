#include "mod_ws/transport/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace mod_ws::transport {
namespace {

/// RFC 7301 3.1; RFC 6455 needs HTTP/1.1.
constexpr std::array<unsigned char, 9> alpn_http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/// A program has a few sets of settings; more would be an endless number.
constexpr std::size_t max_kept_contexts = 32;

// ---- contexts

/// Tells a file from what it was before.
struct FileStamp {
  ino_t inode = 0;
  off_t size = 0;
  time_t seconds = 0;
  long nanoseconds = 0;

  auto operator<=>(const FileStamp&) const = default;
};

FileStamp stamp_of(const std::string& file) {
  struct stat status {};
  if (file.empty() || ::stat(file.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

using FileStamps = std::array<FileStamp, 3>;

FileStamps stamps_of(const TlsClientSettings& settings) {
  return {stamp_of(settings.ca_file), stamp_of(settings.certificate_file),
          stamp_of(settings.key_file)};
}

struct KeptContext {
  TlsClientSettings settings;
  FileStamps stamps;
  SslContextPtr context;
};

struct KeptContexts {
  std::mutex mutex;
  std::vector<KeptContext> contexts;  // the oldest first
};

// Never destroyed: threads may use it until the process ends.
KeptContexts& kept_contexts() {
  static auto* const kept = new KeptContexts;
  return *kept;
}

std::string reason_of_last_error() {
  const unsigned long error = ERR_peek_last_error();
  if (ERR_SYSTEM_ERROR(error)) return std::generic_category().message(ERR_GET_REASON(error));
  const char* const reason = ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

/// The error at the bottom of the queue: what came of it lies above.
std::string reason_of_first_error() {
  const unsigned long error = ERR_peek_error();
  if (ERR_SYSTEM_ERROR(error)) return std::generic_category().message(ERR_GET_REASON(error));
  return reason_of_last_error();
}

bool load_authorities(SSL_CTX* context, const TlsClientSettings& settings, std::string& error) {
  if (!settings.verifies) return true;
  if (settings.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return true;
    error = "the system's certificate authorities cannot be loaded: " + reason_of_first_error();
    return false;
  }
  if (SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) == 1) return true;
  error = "the certificate authorities in " + settings.ca_file +
          " cannot be loaded: " + reason_of_first_error();
  return false;
}

bool load_certificate(SSL_CTX* context, const TlsClientSettings& settings, std::string& error) {
  const std::string& certificate = settings.certificate_file;
  const std::string& key = settings.key_file.empty() ? certificate : settings.key_file;
  if (key.empty()) return true;
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    error = "the client certificate in " + certificate +
            " cannot be loaded: " + reason_of_first_error();
    return false;
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    error = "the client certificate's key in " + key +
            " cannot be loaded, or is another's: " + reason_of_first_error();
    return false;
  }
  return true;
}

/// Nobody is there to be asked for the passphrase of a key.
int no_passphrase(char*, int, int, void*) { return -1; }

SslContextPtr make_context(const TlsClientSettings& settings, std::string& error) {
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, SslContextDeleter> context(SSL_CTX_new(TLS_client_method()));
  if (!context) {
    error = "no TLS: " + reason_of_last_error();
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  SSL_CTX_set_alpn_protos(context.get(), alpn_http_1_1.data(), alpn_http_1_1.size());
  SSL_CTX_set_verify(context.get(), settings.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!load_authorities(context.get(), settings, error)) return nullptr;
  if (!load_certificate(context.get(), settings, error)) return nullptr;
  return context;
}

// ---- names

bool is_numeric_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

bool set_server_name(SSL* ssl, const std::string& name) {
  // RFC 6066 3: an address is not told.
  if (is_numeric_address(name))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
}

}  // namespace

SslContextPtr tls_client_context(const TlsClientSettings& settings, std::string& error) {
  // Before the files are read: what changes meanwhile is seen the next time.
  const FileStamps stamps = stamps_of(settings);
  KeptContexts& kept = kept_contexts();
  const auto is_same = [&](const KeptContext& one) { return one.settings == settings; };
  {
    const std::lock_guard lock(kept.mutex);
    const auto found = std::find_if(kept.contexts.begin(), kept.contexts.end(), is_same);
    if (found != kept.contexts.end() && found->stamps == stamps) return found->context;
  }
  SslContextPtr context = make_context(settings, error);
  if (context == nullptr) return nullptr;
  const std::lock_guard lock(kept.mutex);
  std::erase_if(kept.contexts, is_same);
  if (kept.contexts.size() == max_kept_contexts) kept.contexts.erase(kept.contexts.begin());
  kept.contexts.push_back({settings, stamps, context});
  return context;
}

TlsClientHandshake::TlsClientHandshake(const SslContextPtr& context, base::UniqueFd socket,
                                       const std::string& server_name)
    : socket_(std::move(socket)), ssl_(SSL_new(context.get())) {
  ERR_clear_error();
  if (!ssl_ || SSL_set_fd(ssl_.get(), fd()) != 1 || !set_server_name(ssl_.get(), server_name)) {
    error_ = "no TLS session: " + reason_of_last_error();
    return;
  }
  SSL_set_connect_state(ssl_.get());
}

TlsClientHandshake::Status TlsClientHandshake::go_on() {
  if (!error_.empty()) return Status::failed;
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_.get());
  if (returned == 1) return Status::done;
  const int system_error = errno;
  switch (const int ssl_error = SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return Status::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Status::wants_write;
    default:
      return fail(system_error, ssl_error);
  }
}

TlsClientHandshake::Status TlsClientHandshake::fail(int system_error, int ssl_error) {
  const long verified = SSL_get_verify_result(ssl_.get());
  const bool is_verify_error = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (is_verify_error) {
    error_ = std::string("the server's certificate is not accepted: ") +
             X509_verify_cert_error_string(verified);
  } else if (ssl_error == SSL_ERROR_SYSCALL && system_error != 0) {
    error_ = std::generic_category().message(system_error);
  } else if (ssl_error == SSL_ERROR_SYSCALL ||
             ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    error_ = "the server ended the connection";
  } else {
    error_ = reason_of_last_error();
  }
  return Status::failed;
}

Transport TlsClientHandshake::take() { return {std::move(socket_), std::move(ssl_)}; }

}  // namespace mod_ws::transport
