#include "tests/bench/load/message_set.h"

#include <zlib.h>

#include <array>
#include <random>
#include <stdexcept>

#include "mod_ws/protocol/frame_header.h"

namespace mod_ws::bench {
namespace {

constexpr std::uint8_t fin = 0x80;
constexpr std::uint8_t rsv1 = 0x40;
constexpr std::string_view empty_block{"\x00\x00\xff\xff", 4};  // RFC 7692 7.2.1
constexpr int raw_deflate = -15;

std::string random_text(std::minstd_rand& random, std::size_t size) {
  std::string text(size, ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
  return text;
}

/// Records as services send them, cut at `size` by a longer last text.
std::string json(std::minstd_rand& random, std::size_t size) {
  std::string text = "[";
  constexpr std::size_t record_bytes = 120;
  while (text.size() + 2 * record_bytes < size) {
    text += R"({"id":)" + std::to_string(random() % 1'000'000) + R"(,"symbol":")" +
            random_text(random, 4) + R"(","price":)" + std::to_string(random() % 100'000) +
            R"(.25,"quantity":)" + std::to_string(random() % 1'000) +
            R"(,"side":"buy","venue":"XETR"},)";
  }
  constexpr std::string_view begin = R"({"note":")", end = R"("}])";
  const std::size_t used = text.size() + begin.size() + end.size();
  return text.append(begin).append(random_text(random, size > used ? size - used : 0)).append(end);
}

struct Deflater : z_stream {
  Deflater() : z_stream{} {
    ::deflateInit2(this, 1, Z_DEFLATED, raw_deflate, 8, Z_DEFAULT_STRATEGY);
  }
  ~Deflater() { ::deflateEnd(this); }
};

struct Inflater : z_stream {
  Inflater() : z_stream{} { ::inflateInit2(this, raw_deflate); }
  ~Inflater() { ::inflateEnd(this); }
};

void set_input(z_stream& stream, std::string_view input) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
}

void set_output(z_stream& stream, std::string& output) {
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
}

}  // namespace

MessageSet::MessageSet(const Content& content) : content_(content) {
  std::minstd_rand random(1);
  const std::uint8_t opcode = content.is_binary ? 2 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    std::string payload = content.is_json ? json(random, content.payload_bytes)
                                          : random_text(random, content.payload_bytes);
    auto frame = content.is_compressed ? masked_frame(fin | rsv1 | opcode, deflate_message(payload))
                                       : masked_frame(fin | opcode, payload);
    messages_.push_back({std::move(payload), std::move(frame)});
  }
}

std::vector<std::uint8_t> masked_frame(std::uint8_t first_byte, std::string_view payload) {
  std::array<std::uint8_t, protocol::max_frame_header_bytes> head;
  const std::size_t head_bytes = protocol::serialize_frame_header(
      {.payload_length = payload.size(),
       .masking_key = {0x35, 0xa1, 0x7e, 0xc4},
       .opcode = static_cast<protocol::Opcode>(first_byte & 0x0f),
       .fin = (first_byte & fin) != 0,
       .masked = true,
       .rsv = static_cast<std::uint8_t>(first_byte & protocol::all_rsv_bits)},
      head);
  std::vector<std::uint8_t> frame(head.begin(), head.begin() + static_cast<long>(head_bytes));
  frame.insert(frame.end(), payload.begin(), payload.end());
  protocol::mask(std::span(frame).subspan(head_bytes), {0x35, 0xa1, 0x7e, 0xc4});
  return frame;
}

std::string deflate_message(std::string_view payload) {
  Deflater deflater;
  std::string out(::deflateBound(&deflater, payload.size()) + 16, '\0');
  set_input(deflater, payload);
  set_output(deflater, out);
  if (::deflate(&deflater, Z_SYNC_FLUSH) != Z_OK) throw std::runtime_error("deflate failed");
  out.resize(deflater.total_out - empty_block.size());
  return out;
}

std::string inflate_message(std::string_view deflated, std::size_t max_bytes) {
  thread_local Inflater inflater;
  ::inflateReset(&inflater);
  std::string out(max_bytes + 1, '\0');
  set_output(inflater, out);
  for (const std::string_view input : {deflated, empty_block}) {
    set_input(inflater, input);
    const int result = ::inflate(&inflater, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw std::runtime_error("the answer cannot be inflated");
  }
  out.resize(inflater.total_out);
  return out;
}

}  // namespace mod_ws::bench
