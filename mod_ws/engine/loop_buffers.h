#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mod_ws::engine {

/// One receive buffer a loop: sessions borrow it for the length of one read, so an idle session
/// holds none. Before the part that is read into lies room for the few bytes a session may have
/// kept from its last read.
class ReceiveBuffer {
 public:
  static constexpr std::size_t headroom_bytes = 256;

  explicit ReceiveBuffer(std::size_t size_bytes) : bytes_(headroom_bytes + size_bytes) {}

  /// Where to read to, once `kept` has been put in front of it.
  std::span<std::uint8_t> space() { return std::span(bytes_).subspan(headroom_bytes); }

  /// The `received` bytes just read, with `kept`, at most headroom_bytes long, before them.
  std::span<std::uint8_t> joined(std::span<const std::uint8_t> kept, std::size_t received);

 private:
  std::vector<std::uint8_t> bytes_;
};

/// One gather buffer a loop: what one session writes in a row is collected here and leaves with one
/// system call, at the latest when control returns to the loop.
class GatherBuffer {
 public:
  /// Whose bytes are gathered.
  class Owner {
   public:
    /// Sends them; `bytes` are the buffer's and gone afterwards.
    virtual void send_gathered(std::span<const std::uint8_t> bytes) = 0;

   protected:
    ~Owner() = default;
  };

  explicit GatherBuffer(std::size_t size_bytes) : size_bytes_(size_bytes) {
    bytes_.reserve(size_bytes);
  }

  /// Makes `owner` the one whose bytes are gathered, and room for `size` more: what another one had
  /// here is sent first, and so is the owner's own when it would become too much.
  void make_room(Owner& owner, std::size_t size);

  /// Adds bytes of the present owner's; returns where they lie now, until the next call.
  std::span<std::uint8_t> append(std::span<const std::uint8_t> bytes);

  /// Sends what is gathered, whoever owns it.
  void flush();

  /// Sends `owner`'s bytes, if it is the one that has any here.
  void flush(const Owner& owner) {
    if (owner_ == &owner) flush();
  }

  /// Forgets `owner`'s bytes: it is no more.
  void drop(const Owner& owner);

 private:
  std::size_t size_bytes_;
  std::vector<std::uint8_t> bytes_;
  Owner* owner_ = nullptr;
};

}  // namespace mod_ws::engine
