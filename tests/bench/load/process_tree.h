#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace mod_ws::bench {

struct Usage {
  std::uint64_t cpu_ns;
  std::uint64_t memory_bytes;
};

/// A process and all that descend from it when this is made.
class ProcessTree {
 public:
  /// Throws std::runtime_error when there is no such process.
  explicit ProcessTree(pid_t root);

  /// What its processes use: CPU time of the threads that live (/proc/PID/task/TID/schedstat), and
  /// resident memory, with what they share in each (statm).
  Usage usage() const;

 private:
  std::vector<pid_t> pids_;
};

}  // namespace mod_ws::bench
