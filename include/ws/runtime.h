#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "ws/close_code.h"
#include "ws/error.h"
#include "ws/message.h"
#include "ws/pending.h"

namespace ws {
struct Dialer;
struct DialResult;
}  // namespace ws

/// The binary interface between handler modules and mod_ws, for what belongs to no connection. A
/// handler module has no undefined symbols: it is given mod_ws's one Runtime before a handler of
/// its runs. What is changed here changes `abi_version`.
namespace ws::detail {

/// A PreparedMessage's content.
class Prepared {
 public:
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  virtual ~Prepared() = default;

  const MessageType type;
  std::string_view payload;  ///< Lives as long as this.

 protected:
  explicit Prepared(MessageType message_type) : type(message_type) {}
};

/// What stands behind a Sender.
class SenderTarget {
 public:
  virtual ~SenderTarget() = default;
  virtual Error send(std::shared_ptr<const Prepared> message) = 0;
  virtual void close(CloseStatus status) = 0;
};

class Runtime {
 public:
  // Any thread.
  virtual std::shared_ptr<const Prepared> prepare(MessageType type, std::string_view payload) = 0;
  virtual void publish(std::string_view channel, std::shared_ptr<const Prepared> message) = 0;

  // A loop's thread, where the results come.
  virtual Pending<std::size_t> count_subscribers(std::string_view channel) = 0;
  virtual Pending<void> sleep_for(std::chrono::milliseconds time) = 0;
  virtual Pending<void> wait_ready(int fd, bool for_writing) = 0;
  /// Runs `work` on another thread, then `done` here; neither, when what is returned is destroyed
  /// before the work has begun.
  virtual std::shared_ptr<void> offload(std::function<void()> work, std::function<void()> done) = 0;
  /// Neither argument is used once it has returned.
  virtual Pending<DialResult> dial(std::string_view url, const Dialer& dialer) = 0;

 protected:
  ~Runtime() = default;
};

/// This module's; mod_ws sets it.
[[gnu::visibility("hidden")]] inline Runtime* runtime = nullptr;

}  // namespace ws::detail
