#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string_view>

#include "ws/close_code.h"
#include "ws/error.h"
#include "ws/message.h"
#include "ws/message_reader.h"
#include "ws/message_writer.h"
#include "ws/op.h"
#include "ws/prepared_message.h"
#include "ws/request.h"
#include "ws/sender.h"
#include "ws/task.h"

namespace ws {

/// One WebSocket connection, for the coroutines that handle it. Used on its own loop's thread only.
/// Pings are answered by mod_ws. What several coroutines write goes out in the order they wrote,
/// one message after the other.
///
/// mod_ws derives its sessions from it: the virtual functions are the binary interface between
/// handler modules and mod_ws, and what is changed in them changes `abi_version`.
class Conn : public detail::TaskOwner {
 public:
  Conn() = default;
  Conn(const Conn&) = delete;
  Conn& operator=(const Conn&) = delete;

  /// The next whole message. Empty once the session is over: close_status() says why. While nobody
  /// reads, the client is not read from either (back-pressure).
  Op<std::optional<Message>> read() { return {*this, {}}; }

  /// The next message as soon as it begins, to be read in pieces. Empty once the session is over.
  /// What was not read of the message before is dropped. WebSocketMaxMessageSize holds here too; 0
  /// lets messages of any size through.
  Op<std::optional<MessageReader>> next_reader() { return {*this, {}}; }

  /// Sends one message, in one frame. Resumes at once, or when the client has taken what is queued
  /// for it. Text that is no valid UTF-8 is not sent, which the Error says.
  Op<Error> write(const Message& message) {
    return write(message.type, std::string_view(message.payload));
  }
  Op<Error> write(MessageType type, std::string_view payload) {
    return {*this, {.payload = payload, .type = type}};
  }
  /// The same, framed and compressed once for all connections it is sent on.
  Op<Error> write(const PreparedMessage& message) {
    return {*this, {.prepared = &message, .sent = detail::Sent::prepared_message}};
  }

  /// A message to be sent in pieces. From its first piece to MessageWriter::finish() all other
  /// messages wait, those of the same coroutine too.
  MessageWriter next_writer(MessageType type) { return {*this, type, new_writer_number()}; }

  /// Sends a ping and resumes when its pong has come (RFC 6455 5.5.3: also with one to a later
  /// ping). Of the payload at most 125 bytes are sent; without one, mod_ws takes its own. A pong is
  /// met behind the messages that were sent before it, so somebody has to read those.
  Op<Error> ping(std::string_view payload = {}) {
    return {*this, {.payload = payload, .sent = detail::Sent::ping}};
  }

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  // g++ before 13 drops a whole `if` or `while` whose condition awaits something and holds a
  // temporary with a destructor, where the block around it declares nothing. A payload with a name
  // is safe everywhere.
  [[deprecated(
      "g++ 12 may drop an awaited condition with a temporary in it: give the payload a name")]]  //
  Op<Error>
  write(MessageType type, std::string&& payload) {
    return write(type, std::string_view(payload));
  }
  [[deprecated(
      "g++ 12 may drop an awaited condition with a temporary in it: give the message a name")]]  //
  Op<Error>
  write(Message&& message) {
    return write(message.type, std::string_view(message.payload));
  }
  Op<Error> write(MessageType type, const char* payload) {
    return write(type, std::string_view(payload));
  }
#endif

  /// Runs the closing handshake: sends Close, drops messages that still come, resumes with the
  /// client's status, or with 1006 when it did not answer within WebSocketCloseTimeout. A reason
  /// above 123 bytes is cut; one that is not UTF-8 is left out, and with a code that may not be
  /// sent the Close frame is empty, with a line in the log. (RFC 6455 7)
  Op<CloseStatus> close(CloseCode code = CloseCode::normal_closure, std::string_view reason = {}) {
    return {*this, {.payload = reason, .code = code}};
  }

  /// Why the session is over: the client's Close frame; the code that it was closed with, for a
  /// violation of the protocol or a read deadline; or 1006. 1005 while it is not.
  virtual const CloseStatus& close_status() const = 0;

  virtual Request request() const = 0;

  /// Takes part in a channel: what is published there, in any child of the server, is sent on this
  /// connection until its end. A client that is too slow for it meets WebSocketSendQueue. Twice is
  /// as once.
  virtual void subscribe(std::string_view channel) = 0;
  virtual void unsubscribe(std::string_view channel) = 0;

  /// Runs a sibling of the handler: it begins at once, and ends at the latest, wherever it waits
  /// then, when the handler has ended and the connection too. An exception closes with 1011.
  virtual void spawn(Task<> task) = 0;

  /// Sends on this connection from other threads, and after it.
  virtual Sender sender() = 0;

  /// Ends the session with 1001, and reads with it, when the time is over: each call sets the time
  /// anew, up to a year; 0 is none, and less is over already.
  virtual void set_read_deadline(std::chrono::milliseconds time) = 0;

  /// Whether messages are compressed from now on, where that was agreed. They are at first.
  virtual void set_write_compression(bool compresses) = 0;

  /// How hard messages are compressed from the next one on, from 1 (fast) to 9 (small), which other
  /// numbers are taken for; else WebSocketCompression's level, or 1 for what is dialed.
  virtual void set_compression_level(int level) = 0;

  /// Called with the payload of each ping, which has been answered by then, and of each pong that
  /// does not answer a ping of mod_ws's own.
  using ControlObserver = std::function<void(std::string_view payload)>;
  virtual void on_ping(ControlObserver observer) = 0;
  virtual void on_pong(ControlObserver observer) = 0;

  /// A setting of the location: what `WebSocketHandlerOption NAME VALUE` says. It lives as long as
  /// the session.
  virtual std::optional<std::string_view> option(std::string_view name) const = 0;

  /// The subprotocol that was agreed, empty if none.
  virtual std::string_view subprotocol() const = 0;

  /// Bytes that are queued because the client has not taken them yet.
  virtual std::size_t buffered_amount() const = 0;

 protected:
  virtual ~Conn() = default;

 private:
  template <class T>
  friend class Op;
  friend class MessageWriter;

  virtual std::uint32_t new_writer_number() = 0;
  virtual void abandon_writer(std::uint32_t number) noexcept = 0;

  // Each starts an operation: true when the result is there already; else the state is kept until
  // it is resumed, or forgotten because its coroutine has ended.
  virtual bool start(const detail::OpArguments&, detail::OpState<std::optional<Message>>& read) = 0;
  virtual bool start(const detail::OpArguments&,
                     detail::OpState<std::optional<MessageReader>>& next_reader) = 0;
  virtual bool start(const detail::OpArguments&,
                     detail::OpState<std::optional<std::string>>& read_piece) = 0;
  virtual bool start(const detail::OpArguments&, detail::OpState<Error>& write) = 0;
  virtual bool start(const detail::OpArguments&, detail::OpState<CloseStatus>& close) = 0;
  virtual void forget(detail::OpState<std::optional<Message>>& read) noexcept = 0;
  virtual void forget(detail::OpState<std::optional<MessageReader>>& next_reader) noexcept = 0;
  virtual void forget(detail::OpState<std::optional<std::string>>& read_piece) noexcept = 0;
  virtual void forget(detail::OpState<Error>& write) noexcept = 0;
  virtual void forget(detail::OpState<CloseStatus>& close) noexcept = 0;
};

inline Op<std::optional<std::string>> MessageReader::read() {
  return {*conn_, {.payload = {}, .number = number_}};
}

inline MessageWriter::~MessageWriter() {
  if (conn_ != nullptr) conn_->abandon_writer(number_);
}

template <class T>
Op<T>::~Op() {
  // An operation that never started is in no list, and forgetting it does nothing.
  if (conn_ != nullptr) conn_->forget(state_);
}

template <class T>
bool Op<T>::await_ready() {
  const detail::OpArguments arguments = arguments_;
  new (&state_) detail::OpState<T>;
  return conn_->start(arguments, state_);
}

}  // namespace ws
