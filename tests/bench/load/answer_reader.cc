#include "tests/bench/load/answer_reader.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace mod_ws::bench {
namespace {

constexpr std::uint8_t fin = 0x80, rsv1 = 0x40, opcode_bits = 0x0f, masked = 0x80;
constexpr std::uint8_t text = 1, binary = 2, close = 8, ping = 9, pong = 10;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t header_bytes(std::uint8_t second_byte) {
  if ((second_byte & masked) != 0) throw std::runtime_error("the server has masked a frame");
  return second_byte == 127 ? 10 : second_byte == 126 ? 4 : 2;
}

}  // namespace

std::size_t AnswerReader::receive(std::span<const std::uint8_t> bytes) {
  const std::uint64_t before = message_count_;
  while (!bytes.empty()) {
    if (!in_payload_) {
      bytes = receive_header(bytes);
      if (!in_payload_) break;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    if (size > 0) receive_payload(bytes.first(size));
    bytes = bytes.subspan(size);
    left_ -= size;
    if (left_ == 0 && end_frame()) end_message();
  }
  return static_cast<std::size_t>(message_count_ - before);
}

std::span<const std::uint8_t> AnswerReader::receive_header(std::span<const std::uint8_t> bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !in_payload_) {
    header_ += static_cast<char>(bytes[used++]);
    in_payload_ = header_.size() >= 2 &&
                  header_.size() == header_bytes(static_cast<std::uint8_t>(header_[1]));
  }
  if (in_payload_) begin_frame();
  return bytes.subspan(used);
}

void AnswerReader::begin_frame() {
  first_byte_ = static_cast<std::uint8_t>(header_[0]);
  left_ = static_cast<std::uint8_t>(header_[1]);
  if (header_.size() > 2) {
    left_ = 0;
    for (std::size_t i = 2; i < header_.size(); ++i)
      left_ = left_ << 8 | static_cast<std::uint8_t>(header_[i]);
  }
  header_.clear();
  if (!is_control() && (first_byte_ & opcode_bits) != 0) begin_message();
}

void AnswerReader::begin_message() {
  const Content& content = expected_->content();
  is_compressed_ = (first_byte_ & rsv1) != 0;
  if ((first_byte_ & opcode_bits) != (content.is_binary ? binary : text) ||
      is_compressed_ != content.is_compressed) {
    throw std::runtime_error("an echo is of another kind");
  }
}

void AnswerReader::receive_payload(std::span<const std::uint8_t> piece) {
  if (is_control() || is_compressed_) {
    (is_control() ? control_ : deflated_).append(text_of(piece));
    return;
  }
  const std::string_view payload = expected_->payload(message_count_);
  if (piece.size() > payload.size() - offset_ ||
      std::memcmp(piece.data(), payload.data() + offset_, piece.size()) != 0) {
    throw std::runtime_error("an echo differs");
  }
  offset_ += piece.size();
}

/// Whether it was a message's last.
bool AnswerReader::end_frame() {
  in_payload_ = false;
  return is_control() ? end_control_frame() : (first_byte_ & fin) != 0;
}

bool AnswerReader::end_control_frame() {
  if ((first_byte_ & opcode_bits) == close) throw std::runtime_error("the server closed a session");
  if ((first_byte_ & opcode_bits) == ping) {
    const auto frame = masked_frame(fin | pong, control_);
    pong_.assign(frame.begin(), frame.end());
  }
  control_.clear();
  return false;
}

void AnswerReader::end_message() {
  const std::string_view payload = expected_->payload(message_count_);
  if (is_compressed_ ? inflate_message(deflated_, payload.size()) != payload
                     : offset_ != payload.size()) {
    throw std::runtime_error("an echo differs");
  }
  deflated_.clear();
  offset_ = 0;
  ++message_count_;
}

}  // namespace mod_ws::bench
