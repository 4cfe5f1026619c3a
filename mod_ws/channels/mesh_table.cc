#include "mod_ws/channels/mesh_table.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <new>

namespace mod_ws::channels {
namespace {

struct Address {
  sockaddr_un name{};
  socklen_t size = 0;

  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&name); }
};

/// For a process that has been stopped while it joins.
constexpr int join_patience_seconds = 1;

/// In the abstract namespace, which the leading null says.
Address address_of(std::uint64_t server, std::size_t member) {
  Address address;
  address.name.sun_family = AF_UNIX;
  const int length =
      std::snprintf(address.name.sun_path + 1, sizeof address.name.sun_path - 1,
                    "mod_ws/%016llx/%zu", static_cast<unsigned long long>(server), member);
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1) + static_cast<socklen_t>(length);
  return address;
}

base::UniqueFd unix_socket() {
  return base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// The process at the other end of a connected UNIX socket runs as the same user as this one.
bool is_of_same_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.uid == ::geteuid();
}

}  // namespace

std::unique_ptr<MeshTable, MeshTable::Unmap> MeshTable::create() {
  void* const memory =
      ::mmap(nullptr, sizeof(MeshTable), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return std::unique_ptr<MeshTable, Unmap>(new (memory) MeshTable);
}

void MeshTable::Unmap::operator()(MeshTable* table) const { ::munmap(table, sizeof *table); }

MeshTable::MeshTable() {
  // Never fails, or waits, once the system is up.
  [[maybe_unused]] auto filled = ::getrandom(secret_.data(), secret_.size(), 0);
  filled = ::getrandom(&name_, sizeof name_, 0);
}

MeshTable::Membership MeshTable::join() {
  // A member that died in here has left nothing that the next one could not deal with.
  if (mutex_.lock() == base::SharedMutex::Taken::no) return {};
  std::size_t member = 0;
  Membership membership{.listener = listen(member), .earlier = {}};
  // Half a member would be worse than none: what the others publish would be lost on it unseen.
  if (membership.listener && !connect_to_others(member, membership.earlier)) membership = {};
  if (membership.listener) {
    is_used_[member] = true;
    joined_.fetch_add(1);
  }
  mutex_.unlock();
  return membership;
}

/// At the first address that is free, which the kernel knows.
base::UniqueFd MeshTable::listen(std::size_t& member) {
  for (member = 0; member < max_members; ++member) {
    auto listener = unix_socket();
    if (!listener) return {};
    const Address address = address_of(name_, member);
    if (::bind(listener.get(), address.pointer(), address.size) == 0)
      return ::listen(listener.get(), max_members) == 0 ? std::move(listener) : base::UniqueFd();
    if (errno != EADDRINUSE) return {};
  }
  return {};
}

bool MeshTable::connect_to_others(std::size_t member, std::vector<base::UniqueFd>& others) {
  for (std::size_t other = 0; other < max_members; ++other) {
    if (!is_used_[other] || other == member) continue;
    auto connection = unix_socket();
    if (!connection) return false;
    const Address address = address_of(name_, other);
    if (::connect(connection.get(), address.pointer(), address.size) != 0) {
      if (errno == ECONNREFUSED) is_used_[other] = false;  // it is no more
      continue;
    }
    if (!is_of_same_user(connection.get())) continue;
    const auto sent = ::send(connection.get(), secret_.data(), secret_.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(secret_.size())) others.push_back(std::move(connection));
  }
  return true;
}

MeshTable::Accepted MeshTable::accept_later(int listener) {
  // Nobody joins meanwhile: one in the middle of it may have connected without the secret yet.
  const auto taken = mutex_.lock_for(join_patience_seconds);
  Accepted accepted;
  while (true) {
    base::UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno != EAGAIN) accepted.error = errno;
      break;
    }
    if (is_member(socket.get())) accepted.members.push_back(std::move(socket));
  }
  if (taken != base::SharedMutex::Taken::no) mutex_.unlock();
  return accepted;
}

bool MeshTable::is_member(int socket) const {
  Secret said;
  return is_of_same_user(socket) &&
         ::recv(socket, said.data(), said.size(), 0) == static_cast<ssize_t>(said.size()) &&
         said == secret_;
}

}  // namespace mod_ws::channels
