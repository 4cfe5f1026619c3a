#pragma once

#include <sys/types.h>

#include <cstdint>

namespace mod_ws::bench {

struct Usage {
  std::uint64_t cpu_ns;
  std::uint64_t memory_bytes;
};

/// What a process and all that descend from it have used: CPU time of their threads that live
/// (/proc/PID/task/TID/schedstat), and resident memory, with what they share in each (statm).
Usage usage_of_tree(pid_t root);

}  // namespace mod_ws::bench
