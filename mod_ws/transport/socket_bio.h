#pragma once

#include <openssl/bio.h>

namespace mod_ws::transport {

/// OpenSSL's way to a non-blocking socket, which stays the caller's. Unlike BIO_s_socket() it
/// raises no SIGPIPE, and can join records. Throws std::bad_alloc.
BIO* make_socket_bio(int socket);

/// While one exists on this thread, what its BIOs send waits in the kernel for what follows, to
/// leave in one segment. One at a time; the last part of a write must be sent without one.
class MoreFollows {
 public:
  explicit MoreFollows(bool does_follow);
  MoreFollows(const MoreFollows&) = delete;
  MoreFollows& operator=(const MoreFollows&) = delete;
  ~MoreFollows();
};

}  // namespace mod_ws::transport
