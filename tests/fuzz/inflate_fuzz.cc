/// Inflating what nobody deflated, in pieces; and what has been deflated comes back as it was, over
/// several messages.

#include <cstdlib>

#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/permessage_deflate.h"
#include "tests/fuzz/fuzz_input.h"

namespace mod_ws::fuzz {
namespace {

using namespace protocol;

constexpr std::size_t max_output_bytes = 1 << 20;

/// False when it is corrupt, or more than anybody would take.
bool inflate(Inflater& inflater, std::span<const std::uint8_t> payload, bool ends_message,
             std::vector<std::uint8_t>& out) {
  std::uint8_t space[997];
  std::span<std::uint8_t> output;
  inflater.give(payload, ends_message);
  while (true) {
    switch (inflater.inflate_some(space, output)) {
      case Inflater::Result::output:
        if (output.empty() || output.size() > sizeof space) std::abort();
        out.insert(out.end(), output.begin(), output.end());
        if (out.size() > max_output_bytes) return false;
        break;
      case Inflater::Result::finished:
        return true;
      default:
        return false;
    }
  }
}

void inflate_anything(ZlibPool& pool, bool context_takeover, Chopper& chopper,
                      std::span<const std::uint8_t> bytes) {
  Inflater inflater(pool, context_takeover);
  std::vector<std::uint8_t> out;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), chopper.next()));
    bytes = bytes.subspan(piece.size());
    if (!inflate(inflater, piece, chopper.next() % 4 == 0, out)) return;
  }
}

void round_trip(ZlibPool& pool, int window_bits, bool context_takeover, Chopper& chopper,
                std::span<const std::uint8_t> bytes) {
  Deflater deflater(pool, window_bits, context_takeover,
                    {.level = 1 + window_bits % 9, .memory_level = 8});
  Inflater inflater(pool, context_takeover);
  do {
    const auto message = bytes.first(std::min(bytes.size(), chopper.next()));
    bytes = bytes.subspan(message.size());
    std::vector<std::uint8_t> compressed;
    std::vector<std::uint8_t> back;
    // In two parts, or as a whole.
    const auto cut = chopper.next() % (message.size() + 1);
    if (cut > 0 && !deflater.deflate(message.first(cut), false, compressed)) std::abort();
    if (!deflater.deflate(message.subspan(cut), true, compressed)) std::abort();
    const auto half = compressed.size() / 2;
    const std::span<const std::uint8_t> all(compressed);
    if (!inflate(inflater, all.first(half), false, back) ||
        !inflate(inflater, all.subspan(half), true, back))
      std::abort();
    if (!std::equal(back.begin(), back.end(), message.begin(), message.end())) std::abort();
  } while (!bytes.empty());
}

}  // namespace
}  // namespace mod_ws::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mod_ws;
  fuzz::FuzzInput input(data, size);
  const std::uint8_t choices = input.byte();
  fuzz::Chopper chopper(input.byte());
  const bool context_takeover = (choices & 1) != 0;
  const int window_bits = protocol::min_deflate_window_bits + (choices >> 1) % 7;
  const auto bytes = input.rest();
  static protocol::ZlibPool pool;
  fuzz::inflate_anything(pool, context_takeover, chopper, bytes);
  fuzz::round_trip(pool, window_bits, context_takeover, chopper, bytes);
  return 0;
}
