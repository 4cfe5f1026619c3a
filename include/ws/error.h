#pragma once

#include <cstdint>

namespace ws {

/// What an operation on a connection came to. False when it succeeded, so `if (auto error =
/// co_await ...)` reads as it should.
class [[nodiscard]] Error {
 public:
  enum class Reason : std::uint8_t {
    none,
    closed,  ///< A Close frame has been sent, or the connection has ended: nothing was sent.
  };

  Error(Reason reason = Reason::none) : reason_(reason) {}  // NOLINT: a reason is an error

  explicit operator bool() const { return reason_ != Reason::none; }
  Reason reason() const { return reason_; }
  const char* message() const {
    return reason_ == Reason::none ? "no error" : "the connection is closed";
  }

 private:
  Reason reason_;
};

}  // namespace ws
