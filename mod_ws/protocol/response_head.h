#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/protocol/header_field.h"

namespace mod_ws::protocol {

/// Status line and headers of an HTTP/1 response (RFC 9112 4, 5).
struct ResponseHead {
  int status = 0;                    ///< 100 to 999
  std::string reason;                ///< May be empty.
  std::vector<HeaderField> headers;  ///< In their order, values trimmed.

  /// Several lines of one name joined with ", "; empty if there is none.
  std::string header(std::string_view name) const;
};

/// Puts a response's head together from bytes that come in parts. Each line is looked at once,
/// however slowly they come.
class ResponseHeadParser {
 public:
  static constexpr std::size_t max_bytes = 64 << 10;  ///< Interim responses included.

  enum class State : std::uint8_t { need_more, complete, failed };

  /// Takes the head's bytes off the front of `bytes`; what is left follows the head. Interim
  /// responses (RFC 9110 15.2), but not 101, are skipped.
  State receive(std::string_view& bytes);

  /// Once it is complete.
  const ResponseHead& head() const { return head_; }
  ResponseHead& head() { return head_; }

  /// Once it has failed: "the answer is not HTTP/1". Lives for ever.
  const char* complaint() const { return complaint_; }

 private:
  State fail(const char* complaint);
  State receive_line(std::string_view line);
  State receive_status_line(std::string_view line);
  State receive_header_line(std::string_view line);
  State end_head();

  ResponseHead head_;
  std::string line_;  // what has come of it
  std::size_t bytes_ = 0;
  State state_ = State::need_more;
  const char* complaint_ = "";
};

}  // namespace mod_ws::protocol
