#include "mod_ws/protocol/response_head.h"

#include <algorithm>

#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

constexpr std::string_view version_start = "HTTP/1.";
constexpr std::size_t status_at = version_start.size() + 2;  // behind the minor version and a space
constexpr std::size_t reason_at = status_at + 4;
constexpr int switching_protocols = 101;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The bytes so far may begin a status line.
bool may_be_http(std::string_view line) {
  const auto size = std::min(line.size(), version_start.size());
  return line.substr(0, size) == version_start.substr(0, size);
}

/// RFC 9110 5.5. A line break inside is not possible here.
bool is_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) { return c == '\0' || c == '\r'; });
}

bool is_interim(int status) { return status < 200 && status != switching_protocols; }

}  // namespace

std::string ResponseHead::header(std::string_view name) const {
  std::string joined;
  bool is_first = true;
  for (const HeaderField& field : headers) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (!is_first) joined += ", ";
    joined += field.value;
    is_first = false;
  }
  return joined;
}

ResponseHeadParser::State ResponseHeadParser::receive(std::string_view& bytes) {
  while (state_ == State::need_more && !bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto taken =
        std::min(end == std::string_view::npos ? bytes.size() : end + 1, max_bytes + 1 - bytes_);
    line_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    bytes_ += taken;
    if (bytes_ > max_bytes) return fail("the head of the answer is longer than 64 KiB");
    // What is no HTTP may have no line ends, and then nothing else would come of it.
    if (head_.status == 0 && !may_be_http(line_)) return fail("the answer is not HTTP/1");
    if (!line_.ends_with('\n')) continue;
    line_.pop_back();
    if (line_.ends_with('\r')) line_.pop_back();
    state_ = receive_line(line_);
    line_.clear();
  }
  return state_;
}

ResponseHeadParser::State ResponseHeadParser::fail(const char* complaint) {
  complaint_ = complaint;
  return state_ = State::failed;
}

ResponseHeadParser::State ResponseHeadParser::receive_line(std::string_view line) {
  if (head_.status == 0) return receive_status_line(line);
  return line.empty() ? end_head() : receive_header_line(line);
}

/// "HTTP/1.1 101 Switching Protocols"
ResponseHeadParser::State ResponseHeadParser::receive_status_line(std::string_view line) {
  const bool is_long_enough = line.size() >= status_at + 3;
  if (!is_long_enough || !is_digit(line[status_at - 2]) || line[status_at - 1] != ' ')
    return fail("the answer is not HTTP/1");
  const auto status = line.substr(status_at, 3);
  const bool has_end = line.size() == status_at + 3 || line[status_at + 3] == ' ';
  if (!has_end || !std::all_of(status.begin(), status.end(), is_digit) || status[0] == '0')
    return fail("the answer has no status of three digits");
  if (line.size() > reason_at) head_.reason = line.substr(reason_at);
  if (!is_value(head_.reason)) return fail("the answer's status line is malformed");
  head_.status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  return State::need_more;
}

ResponseHeadParser::State ResponseHeadParser::receive_header_line(std::string_view line) {
  constexpr const char* complaint = "the answer has a malformed header line";
  if (!is_value(line)) return fail(complaint);
  if (line.starts_with(' ') || line.starts_with('\t')) {
    // RFC 9112 5.2: obsolete folding
    if (head_.headers.empty()) return fail(complaint);
    head_.headers.back().value.append(" ").append(trimmed(line));
    return State::need_more;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return fail(complaint);
  head_.headers.push_back(
      {std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
  return State::need_more;
}

ResponseHeadParser::State ResponseHeadParser::end_head() {
  if (!is_interim(head_.status)) return State::complete;
  head_ = {};
  return State::need_more;
}

}  // namespace mod_ws::protocol
