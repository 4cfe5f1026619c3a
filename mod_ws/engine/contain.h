#pragma once

#include <exception>

namespace mod_ws::engine {

/// One line in a while for all that is contained.
void log_contained(const char* what) noexcept;

/// The fence of a loop's thread: what is thrown there, for lack of memory, would end the process
/// with all its sessions. `failed` is called then, and may drop what `work` was about; it is
/// contained as well.
template <class Work, class Failed>
void contain(Work&& work, Failed&& failed) noexcept {
  try {
    try {
      return work();
    } catch (const std::exception& error) {
      log_contained(error.what());
    } catch (...) {
      log_contained("something that is no std::exception");
    }
    failed();
  } catch (...) {
    log_contained("the same once more, on its way out");
  }
}

/// The same where nothing is to be dropped.
template <class Work>
void contain(Work&& work) noexcept {
  contain(work, [] {});
}

}  // namespace mod_ws::engine
