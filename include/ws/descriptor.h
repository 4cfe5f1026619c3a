#pragma once

#include "ws/runtime.h"

namespace ws {

// For handlers with pipes or sockets of their own. The descriptor stays open while somebody waits.
// Both resume on the loop's thread, at
// once for a descriptor that cannot be waited for (a file).

/// Resumes when a read will not wait: there is something, or the end, or an error.
inline Pending<void> wait_readable(int fd) { return detail::runtime->wait_ready(fd, false); }

/// Resumes when a write will not wait: there is room, or an error.
inline Pending<void> wait_writable(int fd) { return detail::runtime->wait_ready(fd, true); }

}  // namespace ws
