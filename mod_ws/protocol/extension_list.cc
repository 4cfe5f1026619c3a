#include "mod_ws/protocol/extension_list.h"

#include <algorithm>

#include "mod_ws/protocol/header_list.h"

namespace mod_ws::protocol {
namespace {

/// Reads one header from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() {
    skip_space();
    return rest_.empty();
  }

  /// Takes `mark` if it comes next.
  bool take(char mark) {
    skip_space();
    if (!rest_.starts_with(mark)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Empty if none comes next.
  std::string_view take_token() {
    skip_space();
    std::size_t size = 0;
    while (size < rest_.size() && is_token(rest_.substr(size, 1))) ++size;
    const auto token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }

  /// token or quoted-string (RFC 9110 5.6.4); what is quoted must be a token too (RFC 6455 9.1).
  /// Nothing if it is neither.
  std::optional<std::string> take_value() {
    if (!take('"')) {
      const auto token = take_token();
      return token.empty() ? std::nullopt : std::optional<std::string>(token);
    }
    std::string value;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return is_token(value) ? std::optional(std::move(value)) : std::nullopt;
      }
      if (rest_[i] == '\\' && ++i == rest_.size()) break;
      value += rest_[i];
    }
    return std::nullopt;
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  std::string_view rest_;
};

bool read_parameters(Reader& reader, Extension& extension) {
  while (reader.take(';')) {
    Extension::Parameter parameter{.name = reader.take_token(), .value = std::nullopt};
    if (parameter.name.empty()) return false;
    if (reader.take('=')) {
      parameter.value = reader.take_value();
      if (!parameter.value) return false;
    }
    extension.parameters.push_back(std::move(parameter));
  }
  return true;
}

}  // namespace

std::optional<std::vector<Extension>> parse_extension_list(std::string_view header) {
  std::vector<Extension> extensions;
  Reader reader(header);
  while (!reader.at_end()) {
    if (reader.take(',')) continue;  // empty elements are allowed (RFC 9110 5.6.1.2)
    Extension extension{.name = reader.take_token(), .parameters = {}};
    if (extension.name.empty() || !read_parameters(reader, extension)) return std::nullopt;
    extensions.push_back(std::move(extension));
    if (!reader.at_end() && !reader.take(',')) return std::nullopt;
  }
  return extensions;
}

}  // namespace mod_ws::protocol
