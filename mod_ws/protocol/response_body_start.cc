#include "mod_ws/protocol/response_body_start.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

constexpr std::size_t max_chunk_line_bytes = 256;  // extensions included

/// The number that `text` begins with; nothing when there is none, or it is too large.
std::optional<std::uint64_t> number_at_start(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

ResponseBodyStart::ResponseBodyStart(const ResponseHead& head, std::size_t limit_bytes)
    : limit_bytes_(limit_bytes) {
  // RFC 9110 15.3.5, 15.4.5
  if (head.status < 200 || head.status == 204 || head.status == 304) is_done_ = true;
  if (list_has_token(head.header("Transfer-Encoding"), "chunked")) {
    framing_ = Framing::chunks;
  } else if (const auto length = number_at_start(head.header("Content-Length"), 10)) {
    framing_ = Framing::length;
    left_bytes_ = *length;
    if (left_bytes_ == 0) is_done_ = true;
  }
}

bool ResponseBodyStart::receive(std::string_view bytes) {
  while (!is_done_ && !bytes.empty()) {
    if (framing_ == Framing::to_the_end) {
      append(bytes);
      break;
    }
    if (framing_ == Framing::chunks && left_bytes_ == 0) {
      bytes.remove_prefix(receive_chunked(bytes));
      continue;
    }
    const auto part = bytes.substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(left_bytes_, bytes.size())));
    append(part);
    left_bytes_ -= part.size();
    bytes.remove_prefix(part.size());
    if (left_bytes_ == 0 && framing_ == Framing::length) is_done_ = true;
  }
  return is_done_;
}

void ResponseBodyStart::append(std::string_view bytes) {
  text_ += bytes.substr(0, limit_bytes_ - text_.size());
  if (text_.size() == limit_bytes_) is_done_ = true;
}

/// Between two chunks: the line with the next one's size. Returns how many bytes it has used.
std::size_t ResponseBodyStart::receive_chunked(std::string_view bytes) {
  const auto end = bytes.find('\n');
  const auto used = end == std::string_view::npos ? bytes.size() : end + 1;
  line_ += bytes.substr(0, used);
  if (line_.size() > max_chunk_line_bytes) {
    is_done_ = true;
  } else if (line_.ends_with('\n')) {
    // The line end behind a chunk's bytes is an empty line here.
    if (line_ != "\r\n" && line_ != "\n" && !begin_chunk()) is_done_ = true;
    line_.clear();
  }
  return used;
}

/// False after the last chunk, and where there is no size.
bool ResponseBodyStart::begin_chunk() {
  left_bytes_ = number_at_start(line_, 16).value_or(0);
  return left_bytes_ > 0;
}

}  // namespace mod_ws::protocol
