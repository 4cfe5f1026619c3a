#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mod_ws/protocol/response_head.h"

namespace mod_ws::protocol {

/// The beginning of a response's body (RFC 9112 6), for whoever wants to read why he was refused.
class ResponseBodyStart {
 public:
  /// `limit_bytes`: what goes beyond is not looked at. `head` is used here only.
  ResponseBodyStart(const ResponseHead& head, std::size_t limit_bytes);

  /// What comes behind the head. True once nothing more is wanted: the body has ended, or the limit
  /// is reached, or its chunks are malformed.
  bool receive(std::string_view bytes);
  bool is_done() const { return is_done_; }

  std::string take() { return std::move(text_); }

 private:
  enum class Framing : std::uint8_t { to_the_end, length, chunks };

  void append(std::string_view bytes);
  std::size_t receive_chunked(std::string_view bytes);
  bool begin_chunk();

  std::size_t limit_bytes_;
  Framing framing_ = Framing::to_the_end;
  bool is_done_ = false;
  std::uint64_t left_bytes_ = 0;  // of the body, or of the chunk
  std::string line_;              // of a chunk's size, so far
  std::string text_;
};

}  // namespace mod_ws::protocol
