#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

namespace mod_ws::tests {

template <auto free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;

/// A file that is gone with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int fd = ::mkstemp(name_);
    if (fd < 0) throw std::runtime_error("mkstemp");
    ::close(fd);
    write(text);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(name_); }

  /// Puts another text into its place.
  void write(const std::string& text) {
    FILE* const file = std::fopen(name_, "w");
    if (file == nullptr) throw std::runtime_error("fopen");
    std::fputs(text.c_str(), file);
    std::fclose(file);
  }
  std::string name() const { return name_; }

 private:
  char name_[32] = "/tmp/mod_ws_test.XXXXXX";
};

/// A self-signed certificate, which is its own authority, and its key.
class Certificate {
 public:
  /// `names`: "DNS:localhost,IP:127.0.0.1"
  explicit Certificate(const std::string& names)
      : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509* const x509 = certificate_.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key_.get());
    X509_NAME* const name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("mod_ws test"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
    if (!extension) throw std::runtime_error("subjectAltName");
    X509_add_ext(x509, extension.get(), -1);
    if (X509_sign(x509, key_.get(), EVP_sha256()) == 0) throw std::runtime_error("X509_sign");
  }

  std::string pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate_.get());
    return text_of(bio);
  }
  std::string key_pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio);
  }

  /// What a server with this certificate uses.
  ContextPtr server_context() const {
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate(context.get(), certificate_.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key_.get()) != 1)
      throw std::runtime_error("certificate");
    return context;
  }

 private:
  static std::string text_of(const BioPtr& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  KeyPtr key_;
  CertificatePtr certificate_;
};

}  // namespace mod_ws::tests
