/// The frame parser and the message assembler, for both roles, with and without compression. The
/// same bytes, read whole and cut into pieces, must give the same events.

#include <cstdlib>
#include <memory>

#include "mod_ws/protocol/close_frame.h"
#include "mod_ws/protocol/deflate_negotiation.h"
#include "mod_ws/protocol/frame_parser.h"
#include "mod_ws/protocol/message_assembler.h"
#include "tests/fuzz/fuzz_input.h"

namespace mod_ws::fuzz {
namespace {

using namespace protocol;

// Above the least that has a length of 64 bits, and below the longest input: see build.sh.
constexpr std::uint64_t max_message_bytes = 68'000;
constexpr std::size_t hold_bytes = 1 << 10;
constexpr FrameLimits limits{.max_frame_bytes = 66'000, .max_fragments = 1000};

/// One endpoint's receiving side, as a connection and its session drive it.
class Endpoint {
 public:
  Endpoint(Role role, bool compressed)
      : inflater_(pool_, true),
        parser_({.role = role,
                 .allowed_rsv = compressed ? rsv1_bit : std::uint8_t{0},
                 .limits = &limits}),
        assembler_({.max_message_bytes = max_message_bytes}, &inflater_) {}

  void receive(std::span<const std::uint8_t> bytes) {
    if (over_) return;
    unparsed_.insert(unparsed_.end(), bytes.begin(), bytes.end());
    std::span<std::uint8_t> input(unparsed_);
    FramePiece piece;
    while (!over_) {
      const auto result = parser_.next(input, piece);
      if (result == FrameParser::Result::need_more) break;
      if (result == FrameParser::Result::violation) {
        fail(parser_.violation());
      } else {
        receive(piece);
      }
    }
    if (!over_ && input.size() >= max_unparsed_bytes) std::abort();  // the parser's promise
    unparsed_.assign(input.begin(), input.end());
  }

  const std::string& events() const { return events_; }

 private:
  void receive(FramePiece& piece) {
    if (is_control(piece.opcode)) {
      piece.unmask();
      if (piece.opcode == Opcode::close) return receive_close(piece.payload);
      note("control", static_cast<int>(piece.opcode), {piece.payload.begin(), piece.payload.end()});
      return;
    }
    auto result = assembler_.receive(piece, hold_bytes);
    while (result == MessageAssembler::Result::full) {
      held_ += assembler_.take_piece();
      result = assembler_.go_on(hold_bytes);
    }
    switch (result) {
      case MessageAssembler::Result::full:
      case MessageAssembler::Result::need_more:
        return;
      case MessageAssembler::Result::violation:
        return fail(assembler_.violation());
      case MessageAssembler::Result::message: {
        ws::Message message = assembler_.take_message();
        message.payload.insert(0, std::exchange(held_, {}));
        if (message.payload.size() > max_message_bytes) std::abort();
        note("message", static_cast<int>(message.type), message.payload);
      }
    }
  }

  void receive_close(std::span<const std::uint8_t> payload) {
    Violation violation{};
    const auto status = parse_close_payload(payload, violation);
    if (!status) return fail(violation);
    over_ = true;
    note("close", static_cast<int>(status->code), status->reason);
  }

  void fail(const Violation& violation) {
    over_ = true;
    note("failed", static_cast<int>(violation.code), {});
  }

  void note(std::string_view what, int number, const std::string& payload) {
    events_.append(what)
        .append(" ")
        .append(std::to_string(number))
        .append(" ")
        .append(payload)
        .append("\n");
  }

  ZlibPool pool_;
  Inflater inflater_;
  FrameParser parser_;
  MessageAssembler assembler_;
  std::vector<std::uint8_t> unparsed_;
  std::string held_;  // of the message, taken before it was whole
  std::string events_;
  bool over_ = false;  // failed, or closed: nothing more is read
};

}  // namespace
}  // namespace mod_ws::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mod_ws::fuzz;
  FuzzInput input(data, size);
  const std::uint8_t choices = input.byte();
  Chopper chopper(input.byte());
  const auto role =
      (choices & 1) != 0 ? mod_ws::protocol::Role::client : mod_ws::protocol::Role::server;
  const bool compressed = (choices & 2) != 0;
  const auto bytes = input.rest();

  Endpoint whole(role, compressed);
  whole.receive(bytes);
  Endpoint chopped(role, compressed);
  for (std::span<const std::uint8_t> left(bytes); !left.empty();) {
    const auto piece = left.first(std::min(left.size(), chopper.next()));
    chopped.receive(piece);
    left = left.subspan(piece.size());
  }
  if (whole.events() != chopped.events()) std::abort();
  return 0;
}
