#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "ws/close_code.h"
#include "ws/message.h"

namespace ws {

class Conn;
class PreparedMessage;

namespace detail {

/// An operation under way. It lies in the waiting coroutine's frame, of which every idle session
/// has one, and so is small.
template <class T>
struct OpState {
  std::coroutine_handle<> waiter;  ///< Null unless it waits.
  OpState* next = nullptr;         ///< The session's list of waiting operations.
  T* result =
      nullptr;  ///< Where the result stands when the waiter goes on; a message is moved from there.
};

/// What is sent, where operations have the same result.
enum class Sent : std::uint8_t { message, prepared_message, fragment, last_fragment, ping };

/// What an operation was called with. Used when it starts, and not after.
struct OpArguments {
  union {
    std::string_view payload{};  ///< Lives in the caller's frame.
    const PreparedMessage* prepared;
  };
  MessageType type = MessageType::text;
  Sent sent = Sent::message;
  CloseCode code = CloseCode::normal_closure;
  std::uint32_t number = 0;  ///< Of the message that is read, or written, in pieces.
};

template <class T>
T take(T& result) {
  return result;
}
template <class T>
std::optional<T> take(std::optional<T>& result) {
  return std::exchange(result, std::nullopt);  // what has been taken is not there for the next one
}

}  // namespace detail

/// An operation on a connection, to co_await; it starts then. The result comes on the loop's
/// thread. It is [[nodiscard]]: a forgotten co_await is a warning, not a message that is never
/// sent.
template <class T>
class [[nodiscard]] Op {
 public:
  Op(Conn& conn, const detail::OpArguments& arguments) : conn_(&conn), arguments_(arguments) {}
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  ~Op();

  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter) { state_.waiter = waiter; }
  T await_resume() {
    conn_ = nullptr;
    return detail::take(*state_.result);
  }

 private:
  Conn* conn_;  // null once there is nothing left to forget
  // First the one, then the other: when await_ready() has started the operation, its arguments have
  // no more use.
  union {
    detail::OpArguments arguments_;
    detail::OpState<T> state_;
  };
};

}  // namespace ws
