#include "mod_ws/engine/contain.h"

#include <string>

#include "mod_ws/base/log.h"
#include "mod_ws/base/rare_line.h"

namespace mod_ws::engine {

void log_contained(const char* what) noexcept {
  static base::RareLine rare_line;
  const auto count = rare_line.count();
  if (count == 0) return;
  try {
    base::log({}, base::LogLevel::error,
              std::string("a session's work failed, and the session may be lost: ") + what +
                  "; such failures since this was last said: " + std::to_string(count));
  } catch (...) {  // not even for a line is there memory
  }
}

}  // namespace mod_ws::engine
