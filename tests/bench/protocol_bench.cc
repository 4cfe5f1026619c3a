/// The protocol's inner loops beside memcpy of the same size, in the same run.

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/message_assembler.h"
#include "mod_ws/protocol/utf8.h"

namespace {

using namespace mod_ws::protocol;

constexpr std::size_t size_bytes = 64 << 10;

std::vector<std::uint8_t> repeated(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() + text.size() <= size_bytes)
    bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void memcpy_64k(benchmark::State& state) {
  const auto from = repeated("0123456789");
  std::vector<std::uint8_t> to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, from.size());
}
BENCHMARK(memcpy_64k);

void unmask_64k(benchmark::State& state) {
  auto payload = repeated("0123456789");
  for (auto _ : state) {
    mask(payload, {1, 2, 3, 4});
    benchmark::DoNotOptimize(payload.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, payload.size());
}
BENCHMARK(unmask_64k);

void utf8(benchmark::State& state, std::string_view text) {
  const auto bytes = repeated(text);
  for (auto _ : state) benchmark::DoNotOptimize(is_utf8(bytes));
  count_bytes(state, bytes.size());
}
BENCHMARK_CAPTURE(utf8, ascii, "The quick brown fox jumps over the lazy dog. ");
BENCHMARK_CAPTURE(utf8, mixed,
                  "na\xC3\xAFve caf\xC3\xA9 - \xE2\x82\xAC 20, "
                  "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E, ok \xF0\x9F\x98\x80 ");
BENCHMARK_CAPTURE(utf8, japanese,
                  "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x81\xAE\xE6\x96\x87\xE7\xAB\xA0");

void parse_header(benchmark::State& state) {
  const std::vector<std::uint8_t> frame{0x81, 0x85, 1, 2, 3, 4, 'h', 'e', 'l', 'l', 'o'};
  FrameHeader header;
  bool minimal = true;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parse_frame_header(frame, header, minimal));
    benchmark::DoNotOptimize(header);
  }
}
BENCHMARK(parse_header);

void parse_frame(benchmark::State& state) {
  std::vector<std::uint8_t> frame{0x81, 0x85, 1, 2, 3, 4, 'h', 'e', 'l', 'l', 'o'};
  FrameParser parser({.role = Role::server});
  FramePiece piece;
  for (auto _ : state) {
    std::span<std::uint8_t> input(frame);
    benchmark::DoNotOptimize(parser.next(input, piece));
    benchmark::DoNotOptimize(piece);
  }
}
BENCHMARK(parse_frame);

void assemble_message(benchmark::State& state) {
  std::vector<std::uint8_t> frame{0x82, 0x85, 1, 2, 3, 4, 'h', 'e', 'l', 'l', 'o'};
  FrameParser parser({.role = Role::server});
  FramePiece piece;
  for (auto _ : state) {
    std::span<std::uint8_t> input(frame);
    parser.next(input, piece);
    MessageAssembler assembler({.max_message_bytes = 1 << 20});
    benchmark::DoNotOptimize(assembler.receive(piece));
    benchmark::DoNotOptimize(assembler.take_message());
  }
}
BENCHMARK(assemble_message);

}  // namespace

BENCHMARK_MAIN();
