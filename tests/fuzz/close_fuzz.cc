/// Close frames: what is accepted can be sent again, and comes back as it was.

#include <cstdlib>

#include "mod_ws/protocol/close_frame.h"
#include "mod_ws/protocol/utf8.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mod_ws::protocol;
  const std::span<const std::uint8_t> payload(data, std::min(size, max_control_payload_bytes));
  Violation violation{};
  if (const auto status = parse_close_payload(payload, violation)) {
    const ClosePayload again(status->code, status->reason);
    if (!std::equal(payload.begin(), payload.end(), again.bytes().begin(), again.bytes().end()))
      std::abort();
  } else if (!may_be_sent(violation.code)) {
    std::abort();
  }
  // Any text can be a reason: what is cut off is cut off between characters.
  const std::string reason(reinterpret_cast<const char*>(data), size);
  const ClosePayload cut(ws::CloseCode::normal_closure, reason);
  if (cut.bytes().size() > max_control_payload_bytes) std::abort();
  if (is_utf8({data, size}) && !is_utf8(cut.bytes().subspan(2))) std::abort();
  return 0;
}
