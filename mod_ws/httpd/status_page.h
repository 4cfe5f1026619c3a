#pragma once

#include <string_view>

namespace mod_ws::httpd {

/// status_page.html, which the build turns into a source.
extern const std::string_view status_page;

}  // namespace mod_ws::httpd
