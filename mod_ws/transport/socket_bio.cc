#include "mod_ws/transport/socket_bio.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <new>

namespace mod_ws::transport {
namespace {

thread_local int send_flags = MSG_NOSIGNAL;

int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_only_blocked() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int read(BIO* bio, char* buffer, std::size_t size, std::size_t* read_bytes) {
  const ssize_t received = ::recv(socket_of(bio), buffer, size, 0);
  BIO_clear_retry_flags(bio);
  if (received < 0 && is_only_blocked()) BIO_set_retry_read(bio);
  if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  *read_bytes = received > 0 ? static_cast<std::size_t>(received) : 0;
  return received > 0 ? 1 : 0;
}

int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written_bytes) {
  const ssize_t sent = ::send(socket_of(bio), bytes, size, send_flags);
  BIO_clear_retry_flags(bio);
  if (sent < 0 && is_only_blocked()) BIO_set_retry_write(bio);
  *written_bytes = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  return sent > 0 ? 1 : 0;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* make_method() {
  // Nobody looks for it by its type, and BIO_get_new_index() never again has one where it once had
  // no memory.
  BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mod_ws socket");
  if (made == nullptr) throw std::bad_alloc();
  BIO_meth_set_read_ex(made, read);
  BIO_meth_set_write_ex(made, write);
  BIO_meth_set_ctrl(made, control);
  return made;
}

/// Never freed: threads may use it until the process ends. Where there was no memory for it, the
/// next call tries again.
const BIO_METHOD* method() {
  static const BIO_METHOD* const the_method = make_method();
  return the_method;
}

}  // namespace

BIO* make_socket_bio(int socket) {
  BIO* const bio = BIO_new(method());
  if (bio == nullptr) throw std::bad_alloc();
  // NOLINTNEXTLINE(performance-no-int-to-ptr): it is no pointer, and comes back as it was
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  return bio;
}

MoreFollows::MoreFollows(bool does_follow) {
  send_flags = does_follow ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
}

MoreFollows::~MoreFollows() { send_flags = MSG_NOSIGNAL; }

}  // namespace mod_ws::transport
