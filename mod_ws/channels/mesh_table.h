#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "mod_ws/base/shared_mutex.h"
#include "mod_ws/base/unique_fd.h"

namespace mod_ws::channels {

/// Where the processes of one server find each other: memory they share, made before the first of
/// them is forked. Each listens on a UNIX socket of its own, in the abstract namespace: nothing is
/// left behind when it dies.
class MeshTable {
 public:
  static constexpr std::size_t max_members = 1024;
  struct Unmap {
    void operator()(MeshTable* table) const;
  };
  /// Null, with errno, when there is no memory.
  static std::unique_ptr<MeshTable, Unmap> create();

  struct Membership {
    base::UniqueFd listener;              ///< Empty when the process could not join.
    std::vector<base::UniqueFd> earlier;  ///< Connected to every earlier member.
  };
  /// Makes the calling process a member: every two members have one connection, which the later one
  /// has made by the time this returns. With errno when it is not possible.
  Membership join();

  /// Grows with every new member: one that has joined waits at the listeners of those before.
  std::uint64_t joined() const { return joined_.load(); }

  struct Accepted {
    std::vector<base::UniqueFd> members;
    int error = 0;  ///< Why one waits still: no descriptors, or no memory, are left.
  };
  /// The connections that wait at a member's listener, each made by a later member. Strangers are
  /// refused.
  Accepted accept_later(int listener);

 private:
  /// What a member says first to another one; nobody else knows it.
  using Secret = std::array<std::uint8_t, 32>;

  MeshTable();
  base::UniqueFd listen(std::size_t& member);
  /// False, with errno, when there are no descriptors for all of them.
  bool connect_to_others(std::size_t member, std::vector<base::UniqueFd>& others);
  bool is_member(int socket) const;

  base::SharedMutex mutex_;
  std::atomic<std::uint64_t> joined_{0};
  Secret secret_{};
  std::uint64_t name_ = 0;  // of this server, in its addresses
  std::array<bool, max_members> is_used_{};
};

}  // namespace mod_ws::channels
