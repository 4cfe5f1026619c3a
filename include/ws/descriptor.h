#pragma once

#include "ws/runtime.h"

namespace ws {

/// Resumes when a read will not wait: there is something, or the end, or an error. At once for a
/// descriptor that cannot be waited for (a file), and for want of memory: what is read without
/// blocking may find nothing.
///
/// For handlers with pipes or sockets of their own, on a loop's thread, where it resumes. The
/// descriptor stays open while somebody waits.
inline Pending<void> wait_readable(int fd) { return detail::runtime->wait_ready(fd, false); }

/// Resumes when a write will not wait: there is room, or an error. Else as wait_readable().
inline Pending<void> wait_writable(int fd) { return detail::runtime->wait_ready(fd, true); }

}  // namespace ws
