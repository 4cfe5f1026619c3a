#pragma once

#include <string_view>
#include <vector>

namespace mod_ws::protocol {

/// RFC 9110 5.6.2: one or more of letters, digits and !#$%&'*+-.^_`|~
bool is_token(std::string_view text);

/// Whether it can be a header's value: with a line end in it, or NUL, its author would write
/// headers of his own.
bool is_one_line(std::string_view value);

/// ASCII only, as HTTP compares names and tokens.
bool equals_ignoring_case(std::string_view a, std::string_view b);

/// `text` without the spaces and tabs around it.
std::string_view trimmed(std::string_view text);

/// The elements of a comma-separated list (RFC 9110 5.6.1), trimmed, empty ones left out. Several
/// header lines of one name are joined with commas by the caller. The views point into `list`.
std::vector<std::string_view> list_elements(std::string_view list);

/// Whether the list holds `token`, in any case.
bool list_has_token(std::string_view list, std::string_view token);

}  // namespace mod_ws::protocol
